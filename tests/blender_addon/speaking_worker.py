"""A worker without torch that speaks, moves and records at once: what Blender does with its answers does not hang on a model.

It is a program of its own, started where the engine's Python is expected. Its faces are seeded noise as long as the sound, its bodies
stand still, and what it "records" is silence.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import wave
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path.cwd()))
from core.contract import (
    ARKIT,
    CONTRACT_VERSION,
    RECORDING_STAGE,
    SPEAKING_STAGE,
    VERSION,
    BodyMotion,
    BodyReply,
    BodyRequest,
    Cancel,
    CardMemory,
    FaceMotion,
    FaceRecipe,
    FaceReply,
    FaceRequest,
    Failure,
    Hello,
    Level,
    Message,
    MicrophonesReply,
    MicrophonesRequest,
    Progress,
    Recipe,
    RecordReply,
    RecordRequest,
    StageTime,
    StopRecording,
    encode_frame,
    read_frame,
)

FPS = 25.0
NOTICE = "The graphics card had too little memory for this, so the processor made it."  # to prompts that speak of a card
with np.load(Path("weights", "default_body", "default_body.npz"), allow_pickle=False) as _body:
    JOINTS = tuple(str(name) for name in _body["joint_names"][:22])
    PARENTS = tuple(int(parent) for parent in _body["parents"][:22])
    REST = _body["joints"][:22].astype(np.float32)
OFFSETS = np.array([REST[joint] - (REST[parent] if parent >= 0 else 0) for joint, parent in enumerate(PARENTS)], np.float32)
heard: set[type] = set()


def face(request: FaceRequest, names: tuple[str, ...], variation: int) -> FaceMotion:
    with wave.open(request.audio) as file:
        whole = file.getnframes() / file.getframerate()
    seconds = min(whole - request.start_s, request.seconds or whole)
    dice = np.random.default_rng(request.seed + variation)
    frames = max(1, int(np.ceil(seconds * FPS)))
    return FaceMotion(
        expression=(dice.random((frames, len(names))) * request.intensity).astype(np.float32),
        jaw=np.zeros((frames, 3), np.float32),
        head=dice.normal(0, 0.1, (frames, 3)).astype(np.float32),
        eyes=dice.normal(0, 0.1, (frames, 2, 3)).astype(np.float32),
        blinks=np.linspace(0, 1, frames, dtype=np.float32),
        expression_names=names,
        space=ARKIT,
        fps=FPS,
        recipe=FaceRecipe(
            audio=Path(request.audio).name,
            emotion=request.emotion,
            intensity=request.intensity,
            seed=request.seed,
            variation=variation,
            model=request.model,
            start_s=request.start_s,
            seconds=seconds,
            changes=request.changes,
        ),
    )


def body(request: BodyRequest) -> BodyMotion:
    seconds = request.seconds or 1.0
    frames = int(seconds * 20) + 1
    return BodyMotion(
        translation=np.tile(np.array((0, 0.9, 0), np.float32), (frames, 1)),
        rotations=np.tile(np.array((1, 0, 0, 0), np.float32), (frames, 22, 1)),
        contacts=np.ones((frames, 4), np.float32),
        joint_names=JOINTS,
        parents=PARENTS,
        offsets=OFFSETS,
        fps=20.0,
        recipe=Recipe(request.text, seconds, request.seed, request.steps, model=request.model),
    )


class Speaking:
    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._frames = os.fdopen(os.dup(1), "wb")

    def send(self, message: Message) -> None:
        self._frames.write(encode_frame(message))
        self._frames.flush()

    def answer(self, job: Message) -> None:
        try:
            if isinstance(job, FaceRequest):
                self.send(Progress(job.id, "Reading the sound", 1, 2))
                self.send(Progress(job.id, SPEAKING_STAGE, 1, 2))
                time.sleep(0.05)
                motions = tuple(face(job, self._names, number) for number in range(job.variations))
                self.send(FaceReply(job.id, motions, (StageTime("talker", 0.01),)))
            elif isinstance(job, BodyRequest):
                self.send(Progress(job.id, "Shaping the motion", 1, 2))
                motions = tuple(body(job) for _ in range(job.variations))
                self.send(CardMemory(job.id, 512.0, 6000.0, 8188.0))
                self.send(BodyReply(job.id, motions, (StageTime("flow decoder", 0.01),), (NOTICE,) if "card" in job.text else ()))
            elif isinstance(job, RecordRequest):
                self.record(job)
            elif isinstance(job, MicrophonesRequest):
                self.send(MicrophonesReply(job.id, ("Headset", "Webcam"), "Webcam"))
        except (OSError, EOFError, wave.Error) as error:
            self.send(Failure(job.id, "BadRequest", f"{Path(job.audio).name} is no sound that can be read ({error}): choose another file."))

    def record(self, job: RecordRequest) -> None:
        if job.device == "nobody's":
            self.send(Failure(job.id, "BadRequest", "There is no input device nobody's: choose another in the preferences."))
            return
        heard.clear()
        began = time.monotonic()
        while not heard and time.monotonic() - began < job.seconds:
            self.send(Progress(job.id, RECORDING_STAGE, int(1000 * (time.monotonic() - began)), int(1000 * job.seconds)))
            self.send(Level(job.id, 0.4))
            time.sleep(0.01)
        if Cancel in heard:
            self.send(Failure(job.id, "Cancelled", "The recording was thrown away."))
            return
        with wave.open(job.path, "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", "not compressed"))
            file.writeframes(bytes(3200))
        self.send(RecordReply(job.id, job.path, 0.1))


def main(names: tuple[str, ...]) -> None:
    speaking = Speaking(names)
    speaking.send(Hello(CONTRACT_VERSION, VERSION))
    while (message := read_frame(sys.stdin.buffer)) is not None:
        if isinstance(message, Cancel | StopRecording):
            heard.add(type(message))
        elif not isinstance(message, Hello):
            threading.Thread(target=speaking.answer, args=(message,), daemon=True).start()


if __name__ == "__main__":
    main(tuple(os.environ["FACE_SHAPES"].split()))
