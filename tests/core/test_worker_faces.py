"""Does the worker make faces, the same ones as here, stop between windows, and go on without the packages that read sound?"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from understudy.core.contract import (
    CONTRACT_VERSION,
    VERSION,
    BodyReply,
    BodyRequest,
    Cancel,
    FaceReply,
    FaceRequest,
    Failure,
    Hello,
    Progress,
    RecordRequest,
    StopRecording,
)
from understudy.core.service import Service
from understudy.tests.core.worker_processes import Spawn, receive, send, until_done

REPO = Path(__file__).resolve().parents[2]
WriteVoice = Callable[..., Path]
TRACKS = ("expression", "jaw", "head", "eyes", "blinks")


def test_a_conversation_about_faces(spawn: Spawn, tiny_face_bundle: Path, write_voice: WriteVoice) -> None:
    """One process, because starting torch takes its time."""
    process = spawn("--models", str(tiny_face_bundle.parent))
    voice = FaceRequest(
        5, str(write_voice()), emotion="happy", diversity=1.0, temperature=1.0, seed=7, variations=2, model="tiny_face", device="cpu"
    )
    send(process, Hello(CONTRACT_VERSION, VERSION), voice)
    assert isinstance(receive(process), Hello)
    *progress, reply = until_done(process)
    assert isinstance(reply, FaceReply) and reply.id == 5
    stages = list(dict.fromkeys(message.stage for message in progress if isinstance(message, Progress)))
    assert stages == ["Starting the engine", "Loading the model", "Reading the sound", "Speaking", "Adding blinks and gaze"]
    here = Service((tiny_face_bundle.parent,)).face(voice, lambda *_: None)
    for found, expected in zip(reply.motions, here.motions, strict=True):
        assert found.recipe == expected.recipe
        for track in TRACKS:
            np.testing.assert_array_equal(getattr(found, track), getattr(expected, track), err_msg=track)

    send(process, dataclasses.replace(voice, id=6, audio="/none.wav"))
    failure = until_done(process)[-1]
    assert isinstance(failure, Failure) and (failure.id, failure.error) == (6, "BadRequest") and "/none.wav" in failure.text

    long = dataclasses.replace(voice, id=7, audio=str(write_voice(120.0, "long.wav")), variations=8)
    send(process, StopRecording(7), long)  # which stops no recording, and no face
    while not isinstance(message := receive(process), Progress) or message.stage != "Speaking":
        assert not isinstance(message, Failure)
    send(process, Cancel(7), dataclasses.replace(voice, id=8))
    assert until_done(process)[-1] == Failure(7, "Cancelled", "Cancelled: nothing was changed.")
    again = until_done(process)[-1]
    assert isinstance(again, FaceReply) and again.motions[0].expression.tobytes() == reply.motions[0].expression.tobytes()


WITHOUT = """
import sys
sys.path.insert(0, {repo!r})
for package in ("soundfile", "soxr", "sounddevice"):
    sys.modules[package] = None

from core import worker
from pathlib import Path
worker.main(({models}), 0)
"""


def test_an_engine_without_the_packages_for_sound_makes_bodies_and_says_what_voices_need(
    spawn: Spawn, tiny_bundle: Path, tiny_face_bundle: Path, write_voice: WriteVoice, tmp_path: Path
) -> None:
    script = tmp_path / "without.py"
    models = ", ".join(f"Path({str(each.parent)!r})" for each in (tiny_bundle, tiny_face_bundle))
    script.write_text(WITHOUT.format(repo=str(REPO), models=models))
    process = spawn(command=[sys.executable, "-s", "-u", str(script)])
    send(process, Hello(CONTRACT_VERSION, VERSION), FaceRequest(1, str(write_voice()), model="tiny_face", device="cpu"))
    assert isinstance(receive(process), Hello)
    failure = until_done(process)[-1]
    assert (
        isinstance(failure, Failure) and "lacks soundfile" in failure.text and "-m pip install soundfile soxr sounddevice" in failure.text
    )
    send(process, RecordRequest(2, str(tmp_path / "rec.wav")))
    failure = until_done(process)[-1]
    assert isinstance(failure, Failure) and "lacks sounddevice" in failure.text and "recorded" in failure.text
    send(process, BodyRequest(3, "a person walks", seconds=1.0, steps=2, model="tiny", device="cpu"))
    assert isinstance(until_done(process)[-1], BodyReply)
