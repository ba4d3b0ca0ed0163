"""The first minute: a prompt to a .blend, a movie and a sheet of poses, through the real worker (`build_addon.py try`)."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..core.contract import EMOTIONS, MAX_SEED, USUAL_MODEL, Progress, StageTime, UnderstudyError
from . import face_map, jobs
from .animation.face import key_face
from .animation.face_lines import FaceLine
from .animation.face_target import FaceError
from .animation.slices import in_one_go
from .animation.smpl_armature import add_character
from .batch import add_head_beside, shot_task
from .console import blender_prints_to
from .exports import Made, check_writable, export
from .preferences import DEFAULT_FACE_MODEL
from .preview import Stage
from .process_end import end_process
from .shots import Shot
from .tasks import TakeTask, done

FPS = 24
SECONDS = 6.0
PROMPT = "a person walks forward, then waves with the right hand"
SPEAKERS_PROMPT = "a person talks with both hands"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="build_addon.py try")
    parser.add_argument("prompt", nargs="?", help=f'"{PROMPT}" if left out')
    parser.add_argument("--audio", type=Path, help="a voice, a wav, flac, ogg or mp3: a head beside the body speaks it, and is heard")
    parser.add_argument("--emotion", default="", choices=EMOTIONS, help="what the face expresses; as the voice sounds if left out")
    parser.add_argument("--intensity", type=float, default=1.0, help="of the emotion, 0 to 2")
    parser.add_argument("--seconds", type=float, help=f"length of the motion; {SECONDS:g}, or that of the voice, if left out")
    parser.add_argument("--seed", type=int, help="random if left out")
    parser.add_argument("--quality", choices=("draft", "normal", "high"), default="normal")
    parser.add_argument("--guidance", type=float, help="how closely the words are followed (1 to 8); as the model was measured if left out")
    parser.add_argument("--model", default=USUAL_MODEL)
    parser.add_argument("--face-model", default=DEFAULT_FACE_MODEL)
    parser.add_argument("--out", type=Path, default=Path("out"))
    options = parser.parse_args(arguments)
    return exit_status(lambda: _try(options))


def exit_status(work: Callable[[], None]) -> int:
    """Of a program that does this work with the engine: what failed is told in a sentence, and the engine is stopped."""
    try:
        with face_map.readable():
            work()
    except UnderstudyError as error:
        print(f"understudy: {error}", file=sys.stderr)
        return 1
    finally:
        jobs.stop_engine()
    return 0


def _try(options: argparse.Namespace) -> None:
    files = {ending: (options.out / f"try.{ending}").absolute() for ending in ("blend", "mp4", "png", "log")}
    for path in files.values():
        check_writable(path)
    shot = _shot(options)
    print(f'"{shot.text}", seed {shot.seed}')
    watch = _Stopwatch()
    scene = keyed_scene(shot, _show)
    for lap in scene.times:
        print(f"  {lap.stage:<22}{lap.seconds:7.2f} s")
    for notice in scene.notices:
        print(notice)
    watch.lap(f"{scene.seconds:.1f} s of motion, keyed")
    with blender_prints_to(files["log"]) as watch.output:
        export(files["blend"], scene.made)
        watch.lap(str(options.out / "try.blend"))
        stage = Stage(bpy.context.scene, scene.armature, scene.frames, scene.head)
        stage.movie(files["mp4"], shot.text, lambda frame, frames: _show(Progress(0, "rendering", frame, frames)))
        watch.lap(str(options.out / "try.mp4"))
        stage.sheet(files["png"])
        watch.lap(str(options.out / "try.png"))


def _shot(options: argparse.Namespace) -> Shot:
    is_spoken = options.audio is not None
    return Shot(
        name="try",
        save=("try.blend",),
        text=options.prompt or (SPEAKERS_PROMPT if is_spoken else PROMPT),
        audio=str(options.audio.absolute()) if is_spoken else "",
        seconds=options.seconds if options.seconds is not None or is_spoken else SECONDS,
        seed=secrets.randbelow(MAX_SEED + 1) if options.seed is None else options.seed,
        quality=options.quality,
        guidance=options.guidance,
        model=options.model,
        emotion=options.emotion,
        intensity=options.intensity,
        face_model=options.face_model,
    )


def _show(progress: Progress) -> None:
    if sys.stderr.isatty():
        print(f"\r  {progress.stage} {progress.step}/{progress.total}        ", end="", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class KeyedScene:
    """A new scene in which a shot plays from frame 1 on. head: the armature of the head beside the body, where somebody speaks."""

    armature: bpy.types.Object
    head: bpy.types.Object | None
    seconds: float
    times: tuple[StageTime, ...]
    notices: tuple[str, ...]
    made: Made

    @property
    def frames(self) -> range:
        return range(1, 2 + int(self.seconds * FPS + 1e-6))


def keyed_scene(shot: Shot, on_progress: Callable[[Progress], None]) -> KeyedScene:
    """Asks the engine and keys Understudy's own character, and a head beside it where the shot has a voice. Raises UnderstudyError."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = FPS, 1.0
    engine, armature = jobs.ready_engine(), add_character()
    face = add_head_beside(scene) if shot.audio else None
    task = shot_task(shot, Path(), engine, armature, face)
    keyed = done(task, engine, on_progress)
    if isinstance(task, TakeTask):
        with contextlib.suppress(FaceError):  # the character's own, smaller face speaks as well if it can
            in_one_go(key_face(armature.name, [FaceLine(keyed.faces, 1.0, float(FPS))]))
    assert keyed.body is not None
    seconds = max(motion.seconds for motion in (keyed.body, *keyed.faces))
    made = Made(armature, keyed.body, face, keyed.faces[0] if face else None)
    found = KeyedScene(armature, face.parent if face else None, seconds, keyed.times, keyed.notices, made)
    scene.frame_start, scene.frame_end = found.frames[0], found.frames[-1]
    return found


class _Stopwatch:
    """Tells on `output` what each part of the way took."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.output = sys.stdout

    def lap(self, what: str) -> None:
        now = time.monotonic()
        print(f"{what:<24}{now - self._last:7.2f} s", file=self.output, flush=True)
        self._last = now


if __name__ == "__main__":
    end_process(main(sys.argv[1:]))
