"""The shot list: a TOML file that names what to generate and where to save it.

    [defaults]
    seconds = 4

    [[shots]]
    name = "wave"
    text = "a person waves with the right hand"
    seed = 7
    open = "scene.blend"          # or leave it out for a new scene
    save = ["out/wave.blend", "out/wave.fbx"]
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..core.contract import BadRequest, BodyRequest, Quality

SAVE_ENDINGS = (".blend", ".fbx", ".bvh", ".glb", ".npz")


@dataclass(frozen=True)
class Shot:
    """One shot. Paths are relative to the shot list; seconds and guidance None leave them to the model; fps is for new scenes."""

    name: str
    text: str
    save: tuple[str, ...]
    seconds: float | None = None
    seed: int = 0
    quality: str = "normal"
    guidance: float | None = None
    model: str = "starter"
    device: str = "auto"
    lock_feet: bool = True
    open: str = ""
    armature: str = ""
    start_frame: float = 1.0
    fps: float = 24.0

    def request(self, job: int) -> BodyRequest:
        """Raises BadRequest for values that cannot be used."""
        steps = Quality[self.quality.upper()].value
        request = BodyRequest(job, self.text, self.seconds, self.seed, steps, self.guidance, 1, self.model, self.device, self.lock_feet)
        request.validate()
        return request

    def digest(self, folder: Path) -> str:
        """Changes when the shot, or the scene that it opens, does; a scene that the shot itself saves over does not count."""
        scene = folder / self.open if self.open and self.open not in self.save else None
        stamp = [scene.stat().st_size, scene.stat().st_mtime_ns] if scene and scene.is_file() else []
        return hashlib.sha256(json.dumps([asdict(self), stamp], sort_keys=True).encode()).hexdigest()


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
    if lacking := [name for name in ("name", "text", "save") if not row.get(name)]:
        raise BadRequest(f'{where} has no {lacking[0]}: add a line {lacking[0]} = "...".')
    values = {name: _typed(where, name, value) for name, value in row.items()}
    shot = Shot(**values)
    try:
        shot.request(1)
    except BadRequest as error:
        raise BadRequest(f"{where}: {error}") from error
    if wrong := [out for out in shot.save if not out.lower().endswith(SAVE_ENDINGS)]:
        raise BadRequest(f"{where} saves to {wrong[0]!r}: the name must end in {', '.join(SAVE_ENDINGS)}.")
    return shot


_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("seconds", "guidance", "start_frame", "fps"), (int, float)),
    "seed": (int,),
    "lock_feet": (bool,),
    "save": (str, list),
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
    if name == "quality" and value.upper() not in Quality.__members__:
        raise BadRequest(f"{where}: quality = {value!r} should be draft, normal or high.")
    if name == "fps" and not 1 <= value <= 240:
        raise BadRequest(f"{where}: fps = {value!r} should be between 1 and 240.")
    return value


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
