"""The models on this machine, as their cards describe them. Read when the preferences change, never while something is drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..core.contract import USUAL_MODEL, chosen_model, user_models_folder

CARD_FILE, FACE_CARD_FILE, ENCODER_CARD_FILE = "bundle.json", "face.json", "encoder.json"
OWN_FOLDER = Path(__file__).parents[1] / "weights"

_known: dict[str, Model] = {}
_faces: dict[str, Model] = {}
_encoders: dict[str, Model] = {}
_choice: list[str] = [USUAL_MODEL]


@dataclass(frozen=True)
class Model:
    """What a model's card says of it. attribution: credits that its data asks for; is_imported: it lies in the user's folder.

    actors: names of the speakers whose style a face model can take.
    """

    name: str
    title: str
    licence: str
    attribution: tuple[str, ...]
    is_imported: bool = False
    actors: tuple[str, ...] = ()

    @property
    def permission(self) -> str:
        """What its licence allows, in a sentence for animators."""
        if "NC" in self.licence.replace("-", " ").split():
            return f"{self.licence}: not for commercial work"
        return f"{self.licence}: commercial work allowed" if self.licence.startswith(("CC BY", "CC0")) else self.licence


def read_models(folders: list[Path], card_file: str = CARD_FILE) -> dict[str, Model]:
    """By name, those of one kind of every folder that holds models; what cannot be read is left out."""
    found: dict[str, Model] = {}
    for folder in folders:
        for card in sorted(folder.glob(f"*/{card_file}")):
            try:
                stored = json.loads(card.read_text(encoding="utf-8"))
                credits, actors = tuple(map(str, stored["attribution"])), tuple(map(str, stored.get("actors", ())))
                is_imported = folder == user_models_folder()
                model = Model(card.parent.name, str(stored["title"]), str(stored["licence"]), credits, is_imported, actors)
            except (OSError, ValueError, KeyError, TypeError):
                continue
            found.setdefault(model.name, model)
    return found


def read_encoders(folder: Path) -> dict[str, Model]:
    """By name, the text encoders that imported models in this folder share; what cannot be read is left out."""
    found: dict[str, Model] = {}
    for card in sorted(folder.glob(f"*/{ENCODER_CARD_FILE}")):
        try:
            licence = str(json.loads(card.read_text(encoding="utf-8"))["licence"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found[card.parent.name] = Model(card.parent.name, "Text encoder, shared by imported models", licence, (), is_imported=True)
    return found


def refresh(own_models: str) -> None:
    """Reads the cards again: ours, those in the folder of the preferences, which may be "", and imported ones."""
    chosen = [Path(bpy.path.abspath(own_models))] if own_models else []
    for known_ones, card_file in ((_known, CARD_FILE), (_faces, FACE_CARD_FILE)):
        known_ones.clear()
        known_ones.update(read_models([OWN_FOLDER, *chosen, user_models_folder()], card_file))
    _encoders.clear()
    _encoders.update(read_encoders(user_models_folder()))
    read_choice()


def read_choice() -> bool:
    """Looks what `weights use` chose at a command line, which may be since the last look; whether that changed."""
    before, _choice[:] = _choice[0], [chosen_model()]
    return _choice[0] != before


def wanted(typed: str) -> str:
    """The name of the body model for what stands in the preferences: "" is the one in use, as it was when that was last read."""
    return typed.strip() or (_choice[0] if _choice[0] in _known else USUAL_MODEL)


def known() -> dict[str, Model]:
    """Models of bodies to choose from, as they were when they were last read."""
    return _known


def known_faces() -> dict[str, Model]:
    """Models that make faces of voices, likewise."""
    return _faces


def installed() -> list[Model]:
    """These, and the encoders that they share."""
    return [*_known.values(), *_faces.values(), *_encoders.values()]


def forget() -> None:
    """None is known until they are read again."""
    for known_ones in (_known, _faces, _encoders):
        known_ones.clear()
    _choice[:] = [USUAL_MODEL]
