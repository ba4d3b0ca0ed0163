"""The command line inside Blender: `blender -c understudy bake shots.toml`, and `setup` for the engine.

The same through pip's bpy: `python -m understudy.blender_addon.batch bake shots.toml`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import bpy

from ..core.contract import BadRequest, FaceAmounts, FaceMotion, Progress, UnderstudyError, with_amounts
from ..core.contract.head import DEFAULT_HEAD, read_head
from . import face_map, jobs
from .animation.body import scene_fps
from .animation.body_range import KeyRange
from .animation.face_conversion import mouth_of
from .animation.face_target import face_mesh, find_face
from .animation.face_target import refusal as face_refusal
from .animation.flame_mesh import add_head
from .animation.rig import refusal
from .animation.slices import in_one_go
from .animation.smpl_armature import add_character
from .engine.client import Engine
from .exports import Made, check_writable, export
from .process_end import end_process
from .set_up_command import add_options, set_up_engine
from .shots import Shot, read_shots, with_overrides
from .tasks import BodyTask, FaceTask, RedoTask, Spoken, TakeTask, Task, done

DONE, SOME_FAILED, CANNOT_START, STOPPED = 0, 1, 2, 130
BESIDE_METRES = (1.0, 0.0, 1.45)  # to the character's left, as high as its head
Say = Callable[[str], None]


def main(arguments: list[str]) -> int:
    """Exit code: 0 all shots are done, 1 some failed, 2 nothing could be started, 130 stopped."""
    parser = argparse.ArgumentParser(prog="understudy", description="Understudy without its panel.")
    commands = parser.add_subparsers(dest="command", required=True)
    bake = commands.add_parser("bake", help="generate and save every shot of a list")
    bake.add_argument("shots", type=Path, help="a .toml file, see the README")
    bake.add_argument("--again", action="store_true", help="also the shots that are done already")
    bake.add_argument("--device", choices=("auto", "cpu", "cuda"), default="")
    bake.add_argument("--model", default="")
    add_options(commands.add_parser("setup", help="set the engine up, once"))
    try:
        options = parser.parse_args(arguments)
        if options.command == "setup":
            set_up_engine(options, _say)
            return DONE
        with face_map.readable():
            return bake_shots(options.shots, options.again, options.device, options.model, _say)
    except SystemExit as wrong_arguments:  # argparse has said why
        return CANNOT_START if wrong_arguments.code else DONE
    except UnderstudyError as error:
        _say(f"understudy: {error}")
        return CANNOT_START
    except KeyboardInterrupt:
        _say("understudy: stopped; the same command goes on with the shots that are left.")
        return STOPPED
    finally:
        jobs.stop_engine()


def bake_shots(path: Path, again: bool, device: str, model: str, say: Say) -> int:
    """Bakes all shots of a list; one that fails is reported and the others go on. Raises UnderstudyError for a broken list."""
    shots = with_overrides(read_shots(path), device, model)
    engine = jobs.ready_engine()
    record = _Record(path)
    failed = 0
    for number, shot in enumerate(shots, start=1):
        title = f"[{number}/{len(shots)}] {shot.name}"
        if not again and record.is_done(shot):
            say(f"{title}: done before, skipped")
            continue
        try:
            bake_shot(shot, path.parent, engine, lambda stage, title=title: say(f"{title}: {stage}"))  # type: ignore[misc]
            record.add(shot)
            say(f"{title}: saved {', '.join(shot.save)}")
        except UnderstudyError as error:
            failed += 1
            say(f"{title}: FAILED: {error}")
    say(f"{len(shots) - failed} of {len(shots)} shots are done" + (f", {failed} failed" if failed else ""))
    return SOME_FAILED if failed else DONE


def bake_shot(shot: Shot, folder: Path, engine: Engine, say: Say) -> None:
    """Generates one shot in its scene and saves it. Raises UnderstudyError; then no output was touched."""
    outputs = [folder / out for out in shot.save]
    for out in outputs:
        check_writable(out)
    _open_scene(shot, folder)
    scene = bpy.context.scene
    armature = _character(shot) if shot.text else None
    face = _face(shot) if shot.audio else None
    keyed = done(shot_task(shot, folder, engine, armature, face), engine, _Stages(say))
    for notice in keyed.notices:
        say(notice)
    if not shot.open:
        scene.frame_start = int(shot.start_frame)
        seconds = max(motion.seconds for motion in (keyed.body, *keyed.faces) if motion is not None)
        scene.frame_end = round(shot.start_frame + seconds * scene_fps(scene))
    scene.frame_set(scene.frame_start)
    for out in outputs:
        export(out, Made(armature, keyed.body, face, _weighed(keyed.faces[0], shot.amounts, face) if face and keyed.faces else None))


def _weighed(motion: FaceMotion, amounts: FaceAmounts, face: bpy.types.Object) -> FaceMotion:
    """As the model made it where nothing was asked for, so that amounts can still be chosen later."""
    if amounts == FaceAmounts():
        return motion
    return with_amounts(motion, amounts, in_one_go(mouth_of(find_face(face, face_map.of(face)), motion)))


def shot_task(shot: Shot, folder: Path, engine: Engine, armature: bpy.types.Object | None, face: bpy.types.Object | None) -> Task:
    """What a shot asks for, for these objects of the open scene; armature None: the face alone, face None: the body alone."""
    scene, fps = bpy.context.scene, scene_fps(bpy.context.scene)
    if shot.redo and armature:
        first, last = shot.redo
        frames = KeyRange(armature.name, first, last, fps)
        return RedoTask(shot.body_request(engine.next_id()), frames, shot.upper_body, shot.carry_rest)
    body = BodyTask(shot.body_request(engine.next_id()), armature.name, shot.start_frame, fps) if armature else None
    if face is None:
        assert body is not None
        return body
    spoken = Spoken(shot.face_request(engine.next_id(), folder), shot.start_frame)
    heard_in = scene.name if shot.add_sound else ""
    speaks = FaceTask((spoken,), face.name, fps, shot.amounts, face_map.of(face), heard_in)
    return TakeTask(body, speaks) if body else speaks


def _open_scene(shot: Shot, folder: Path) -> None:
    if not shot.open:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = _fps_fraction(shot.fps)
        return
    scene = folder / shot.open
    if not scene.is_file():
        raise BadRequest(f"{scene} does not exist: check `open`.")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(scene), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise BadRequest(f"{scene} cannot be opened by Blender {bpy.app.version_string} ({str(error).strip()}).") from error


def _fps_fraction(fps: float) -> tuple[int, float]:
    """Blender's whole rate and its divisor: 29.97 is 30 and 1.001."""
    whole = round(fps)
    return whole, whole / fps


def _character(shot: Shot) -> bpy.types.Object:
    """The armature that the shot names; else the scene's only SMPL rig; else a new character."""
    if shot.armature:
        chosen = bpy.context.scene.objects.get(shot.armature)
        if chosen is None:
            raise BadRequest(f"{shot.open or 'The new scene'} has no object {shot.armature!r}: check `armature`.")
        if reason := refusal(chosen):
            raise BadRequest(reason)
        return chosen
    rigs = [candidate for candidate in bpy.context.scene.objects if candidate.type == "ARMATURE" and not refusal(candidate)]
    if len(rigs) > 1:
        names = ", ".join(rig.name for rig in rigs)
        raise BadRequest(f"{shot.open} has {len(rigs)} characters ({names}): say which with `armature`.")
    return rigs[0] if rigs else add_character()


def _face(shot: Shot) -> bpy.types.Object:
    """The mesh of the face that the shot names; else the scene's only face; else a new head."""
    scene = bpy.context.scene
    if shot.face:
        chosen = scene.objects.get(shot.face)
        if chosen is None:
            raise BadRequest(f"{shot.open or 'The new scene'} has no object {shot.face!r}: check `face`.")
        mesh = face_mesh(chosen)
        assert mesh is not None
        if reason := face_refusal(mesh, face_map.of(mesh) if mesh.type == "MESH" else {}):
            raise BadRequest(reason)
        return mesh
    faces = [each for each in scene.objects if each.type == "MESH" and not face_refusal(each, face_map.of(each))]
    if len(faces) > 1:
        raise BadRequest(f"{shot.open} has {len(faces)} faces ({', '.join(each.name for each in faces)}): say which with `face`.")
    return faces[0] if faces else add_head_beside(scene)


def add_head_beside(scene: bpy.types.Scene) -> bpy.types.Object:
    """Understudy's own head; where there is a character, at the height of its head and to the left of it."""
    head = add_head(read_head(DEFAULT_HEAD))
    if any(each.type == "ARMATURE" and each != head.parent for each in scene.objects):
        head.parent.location = BESIDE_METRES
    return head


class _Stages:
    """One line a stage, not one a step."""

    def __init__(self, say: Say) -> None:
        self._say, self._stage = say, ""

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._say(progress.stage)


class _Record:
    """Which shots are done, beside the shot list, so that a second run skips them."""

    def __init__(self, shots: Path) -> None:
        self._folder, self._file = shots.parent, shots.with_suffix(".done.json")
        try:
            self._done: dict[str, str] = dict(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            self._done = {}

    def is_done(self, shot: Shot) -> bool:
        saved = all((self._folder / out).is_file() for out in shot.save)
        return saved and self._done.get(shot.name) == shot.digest(self._folder)

    def add(self, shot: Shot) -> None:
        self._done[shot.name] = shot.digest(self._folder)
        try:
            self._file.write_text(json.dumps(self._done, indent=1), encoding="utf-8")
        except OSError as error:
            raise UnderstudyError(f"{self._file} cannot be written ({error.strerror}): the next run will do this shot again.") from error


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


_handles: list[object] = []


def register() -> None:
    _handles.append(bpy.utils.register_cli_command("understudy", main))


def unregister() -> None:
    while _handles:
        bpy.utils.unregister_cli_command(_handles.pop())


if __name__ == "__main__":
    end_process(main(sys.argv[1:]))
