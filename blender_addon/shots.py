"""The shot list: a TOML file that names what to generate and where to save it.

    [defaults]
    seed = 7

    [[shots]]
    name = "wave"
    text = "a person waves with the right hand"
    seconds = 4
    open = "scene.blend"          # or leave it out for a new scene
    save = ["out/wave.blend", "out/wave.fbx"]

    [[shots]]
    name = "greeting"
    text = "a person talks"       # without it only the face moves
    audio = "voice/hello.wav"     # without it only the body moves
    emotion = "happy"
    amounts = { head = 0.5 }
    save = "out/greeting.blend"
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..core.contract import BadRequest, BodyRequest, EmotionChange, FaceAmounts, FaceRequest, Quality

SAVE_ENDINGS = (".blend", ".fbx", ".bvh", ".glb", ".npz")
BODY_NPZ, FACE_NPZ = ".body.npz", ".face.npz"


@dataclass(frozen=True)
class Shot:
    """One shot: a body that does what `text` says, a face that speaks `audio`, or both.

    Paths are relative to the shot list; fps is for new scenes. seconds and guidance None leave them to the model, but a body that
    has a face moves as long as its sound lasts. character and face are objects of the scene, `armature` and `face`.
    redo: first and last frame of what the character of `open` has, made anew; upper_body and carry_rest are those of MotionEdit.
    changes: other emotions along the way. add_sound: the sound is heard in the saved scene.
    """

    name: str
    save: tuple[str, ...]
    text: str = ""
    audio: str = ""
    seconds: float | None = None
    seed: int = 0
    quality: str = "normal"
    guidance: float | None = None
    model: str = "starter"
    device: str = "auto"
    lock_feet: bool = True
    emotion: str = ""
    emotion_audio: str = ""
    intensity: float = 1.0
    changes: tuple[EmotionChange, ...] = ()
    diversity: float = 0.0
    temperature: float = 0.0
    actor: int = 0
    amounts: FaceAmounts = field(default_factory=FaceAmounts)
    face_model: str = "starter_face"
    add_sound: bool = True
    open: str = ""
    armature: str = ""
    face: str = ""
    start_frame: float = 1.0
    fps: float = 24.0
    redo: tuple[int, ...] = ()
    upper_body: bool = False
    carry_rest: bool = False

    def body_request(self, job: int) -> BodyRequest:
        """Raises BadRequest for values that cannot be used."""
        steps = Quality[self.quality.upper()].value
        seconds = None if self.redo else self.seconds  # a default of the list is not meant for a range
        request = BodyRequest(job, self.text, seconds, self.seed, steps, self.guidance, 1, self.model, self.device, self.lock_feet)
        request.validate()
        return request

    def face_request(self, job: int, folder: Path) -> FaceRequest:
        """Of a shot in a list that lies in `folder`. Raises BadRequest for values that cannot be used."""
        request = FaceRequest(
            id=job,
            audio=str((folder / self.audio).absolute()),
            emotion=self.emotion,
            emotion_audio=str((folder / self.emotion_audio).absolute()) if self.emotion_audio else "",
            intensity=self.intensity,
            changes=self.changes,
            diversity=self.diversity,
            temperature=self.temperature,
            actor=self.actor,
            seed=self.seed,
            model=self.face_model,
            device=self.device,
        )
        request.validate()
        return request

    def digest(self, folder: Path) -> str:
        """Changes when the shot does, or a sound or the scene that it reads; a scene that the shot itself saves over does not count."""
        read = (self.open if self.open not in self.save else "", self.audio, self.emotion_audio)
        stamps = [_stamp(folder / name) for name in read if name]
        return hashlib.sha256(json.dumps([asdict(self), stamps], sort_keys=True).encode()).hexdigest()


def read_shots(path: Path) -> list[Shot]:
    """Raises BadRequest naming the first thing in the file that cannot be used."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRequest(f"The shot list {path} cannot be opened ({error.strerror}): check its name.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"The shot list {path.name} is not valid TOML: {error}.") from error
    rows, defaults = content.get("shots"), content.get("defaults", {})
    if not isinstance(rows, list) or not rows or not isinstance(defaults, dict):
        raise BadRequest(f"The shot list {path.name} has no shots: begin each with [[shots]].")
    shots = [_shot({**defaults, **row}, number) for number, row in enumerate(rows, start=1)]
    _check_unique(shots)
    return shots


def _shot(row: Mapping[str, Any], number: int) -> Shot:
    where = f"Shot {number} ({row.get('name', 'without a name')})"
    known = {field.name: field for field in fields(Shot)}
    if unknown := sorted(row.keys() - known.keys()):
        raise BadRequest(f"{where} has {unknown[0]!r}, which is not known: use {', '.join(known)}.")
    if lacking := [name for name in ("name", "save") if not row.get(name)]:
        raise BadRequest(f'{where} has no {lacking[0]}: add a line {lacking[0]} = "...".')
    if not row.get("text") and not row.get("audio"):
        raise BadRequest(f'{where} has neither text nor audio: add a line text = "..." for the body or audio = "..." for the face.')
    if row.get("redo") and (not row.get("open") or not row.get("text") or row.get("audio")):
        raise BadRequest(f"{where} has redo, which changes keys of a body: give it open and text, and no audio.")
    shot = Shot(**{name: _typed(where, name, value) for name, value in row.items()})
    try:
        _check_values(shot)
    except BadRequest as error:
        raise BadRequest(f"{where}: {error}") from error
    if reason := next(filter(None, (_cannot_save(shot, out.lower()) for out in shot.save)), ""):
        raise BadRequest(f"{where} {reason}")
    return shot


def _check_values(shot: Shot) -> None:
    if shot.text:
        shot.body_request(1)
    if shot.audio:
        shot.face_request(1, Path())
        shot.amounts.validate()


def _cannot_save(shot: Shot, out: str) -> str:
    """Why this file cannot be written for the shot; empty if it can."""
    if not out.endswith(SAVE_ENDINGS):
        return f"saves to {out!r}: the name must end in {', '.join(SAVE_ENDINGS)}."
    if out.endswith(".npz") and shot.text and shot.audio and not out.endswith((BODY_NPZ, FACE_NPZ)):
        stem = out.removesuffix(".npz")
        return f"saves to {out!r}, but has two motions: write {stem + BODY_NPZ!r} and {stem + FACE_NPZ!r}, or one of them."
    if out.endswith((".bvh", BODY_NPZ)) and not shot.text:
        return f"saves to {out!r}, which takes a body's motion, but has no text: leave it out."
    if out.endswith(FACE_NPZ) and not shot.audio:
        return f"saves to {out!r}, which takes a face's motion, but has no audio: leave it out."
    return ""


def _stamp(path: Path) -> list[int]:
    """Size and time of a file; nothing of one that is not there."""
    return [path.stat().st_size, path.stat().st_mtime_ns] if path.is_file() else []


_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("seconds", "guidance", "intensity", "diversity", "temperature", "start_frame", "fps"), (int, float)),
    **dict.fromkeys(("seed", "actor"), (int,)),
    **dict.fromkeys(("lock_feet", "add_sound", "upper_body", "carry_rest"), (bool,)),
    "save": (str, list),
    "changes": (list,),
    "redo": (list,),
    "amounts": (dict,),
}


def _typed(where: str, name: str, value: Any) -> Any:
    kinds = _KINDS.get(name, (str,))
    if not isinstance(value, kinds) or isinstance(value, bool) != (kinds == (bool,)):
        raise BadRequest(f"{where}: {name} = {value!r} should be {' or '.join(kind.__name__ for kind in kinds)}.")
    if name == "save":
        outputs = (value,) if isinstance(value, str) else tuple(value)
        if not all(isinstance(out, str) for out in outputs):
            raise BadRequest(f"{where}: save = {value!r} should be a list of file names.")
        return outputs
    if name == "redo":
        return _frames(where, value)
    if name == "changes":
        return tuple(_change(where, each) for each in value)
    if name == "amounts":
        return FaceAmounts(**_numbers(where, name, value, tuple(each.name for each in fields(FaceAmounts))))
    if name == "quality" and value.upper() not in Quality.__members__:
        raise BadRequest(f"{where}: quality = {value!r} should be draft, normal or high.")
    if name == "fps" and not 1 <= value <= 240:
        raise BadRequest(f"{where}: fps = {value!r} should be between 1 and 240.")
    return value


def _frames(where: str, stored: list[Any]) -> tuple[int, ...]:
    """Of such as [48, 86]."""
    if len(stored) != 2 or not all(type(each) is int for each in stored) or stored[0] > stored[1]:
        raise BadRequest(f"{where}: redo = {stored!r} should be the first and the last frame that are made anew, such as [48, 86].")
    return tuple(stored)


def _change(where: str, stored: Any) -> EmotionChange:
    """Of such as { at = 2.5, emotion = "sad", intensity = 0.5 }, of which the last may be left out."""
    emotion = stored.get("emotion") if isinstance(stored, dict) else None
    if not isinstance(emotion, str) or "at" not in stored:
        raise BadRequest(f'{where}: changes has {stored!r}: write each as {{ at = 2.5, emotion = "sad" }}.')
    numbers = {name: value for name, value in stored.items() if name != "emotion"}
    numbers = _numbers(where, "changes", numbers, ("at", "intensity"))
    return EmotionChange(numbers["at"], emotion, numbers.get("intensity", 1.0))


def _numbers(where: str, what: str, stored: Mapping[str, Any], known: tuple[str, ...]) -> dict[str, float]:
    for name, value in stored.items():
        if name not in known:
            raise BadRequest(f"{where}: {what} has {name!r}, which is not known: use {', '.join(known)}.")
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise BadRequest(f"{where}: {what} has {name} = {value!r}, which should be a number.")
    return {name: float(value) for name, value in stored.items()}


def _check_unique(shots: list[Shot]) -> None:
    names, outputs = [shot.name for shot in shots], [out for shot in shots for out in shot.save]
    for what, found in (("the name", names), ("the output", outputs)):
        twice = [each for each in found if found.count(each) > 1]
        if twice:
            raise BadRequest(f"Two shots have {what} {twice[0]!r}: give each its own.")


def with_overrides(shots: list[Shot], device: str = "", model: str = "") -> list[Shot]:
    """Shots with a device or a model from the command line."""
    changes = {name: value for name, value in (("device", device), ("model", model)) if value}
    return [replace(shot, **changes) for shot in shots]  # type: ignore[arg-type]
