"""The first minute: a prompt to a .blend, a movie and a sheet of poses, through the real worker (`build_addon.py try`)."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bpy

from ..core.contract import MAX_SEED, BodyMotion, BodyReply, Progress, UnderstudyError
from . import jobs
from .animation.body import key_motion_now, scene_fps
from .animation.smpl_armature import add_character
from .console import blender_prints_to
from .exports import Made, check_writable, export
from .preview import Stage
from .process_end import end_process
from .shots import Shot

FPS = 24


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="build_addon.py try")
    parser.add_argument("prompt", nargs="?", default="a person walks forward, then waves with the right hand")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of the motion")
    parser.add_argument("--seed", type=int, help="random if left out")
    parser.add_argument("--quality", choices=("draft", "normal", "high"), default="normal")
    parser.add_argument("--guidance", type=float, help="how closely the words are followed (1 to 8); as the model was measured if left out")
    parser.add_argument("--model", default="starter")
    parser.add_argument("--out", type=Path, default=Path("out"))
    options = parser.parse_args(arguments)
    return exit_status(lambda: _try(options))


def exit_status(work: Callable[[], None]) -> int:
    """Of a program that does this work with the engine: what failed is told in a sentence, and the engine is stopped."""
    try:
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
    seed = secrets.randbelow(MAX_SEED + 1) if options.seed is None else options.seed
    shot = Shot(
        "try", ("try.blend",), options.prompt, "", options.seconds, seed, options.quality, options.guidance, options.model
    )
    print(f'"{shot.text}", seed {seed}')
    watch = _Stopwatch()
    reply = generate(shot)
    motion = reply.motions[0]
    for lap in reply.times:
        print(f"  {lap.stage:<22}{lap.seconds:7.2f} s")
    watch.lap(f"motion of {motion.seconds:.1f} s")
    armature, last = keyed_scene(motion)
    watch.lap("character and keys")
    with blender_prints_to(files["log"]) as watch.output:
        export(files["blend"], Made(armature, motion))
        watch.lap(str(options.out / "try.blend"))
        stage = Stage(bpy.context.scene, armature, 1, last)
        stage.movie(files["mp4"], shot.text, lambda frame, frames: _show(Progress(0, "rendering", frame, frames)))
        watch.lap(str(options.out / "try.mp4"))
        stage.sheet(files["png"])
        watch.lap(str(options.out / "try.png"))


def generate(shot: Shot) -> BodyReply:
    engine = jobs.ready_engine()
    return engine.request(shot.body_request(engine.next_id()), _show)


def _show(progress: Progress) -> None:
    if sys.stderr.isatty():
        print(f"\r  {progress.stage} {progress.step}/{progress.total}        ", end="", file=sys.stderr, flush=True)


def keyed_scene(motion: BodyMotion) -> tuple[bpy.types.Object, int]:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = FPS, 1.0
    armature = add_character()
    key_motion_now(armature.name, motion, 1.0, scene_fps(scene))
    scene.frame_start, scene.frame_end = 1, 1 + int(motion.seconds * FPS + 1e-6)
    return armature, scene.frame_end


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
