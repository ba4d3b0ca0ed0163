"""Takes: Actions that carry their recipe, their character and a fingerprint that tells whether somebody edited them."""

from __future__ import annotations

from collections.abc import Generator

from ...core.contract import Recipe
from . import curves
from .datablocks import Reference

CHARACTER_PROPERTY = "understudy_character"
FINGERPRINT_PROPERTY = "understudy_fingerprint"
MAX_NAME_BYTES = 63  # of a data-block's name in Blender 4.x; 5.0 allows more


def take_name(recipe: Recipe) -> str:
    """Prompt and seed, at most 63 bytes of UTF-8."""
    ending = f" (seed {recipe.seed}, {recipe.variation})" if recipe.variation else f" (seed {recipe.seed})"
    prompt = " ".join(recipe.text.split()) or "Motion"
    room = MAX_NAME_BYTES - len(ending.encode())
    return prompt.encode()[:room].decode(errors="ignore").rstrip() + ending


def sign_take(slot: curves.ActionSlot, recipe: Recipe, character: str) -> Generator[None, None, None]:
    """Marks a finished Action as an untouched take of `character`, in slices."""
    curves.set_text(slot.action, curves.RECIPE_PROPERTY, recipe.to_json())
    curves.set_text(slot.action, CHARACTER_PROPERTY, character)
    checksum = yield from curves.fingerprint(slot)
    curves.set_text(slot.action, FINGERPRINT_PROPERTY, checksum)


def replaceable_takes(recipe: Recipe, character: Reference) -> Generator[None, None, list[Reference]]:
    """Takes of the same recipe on the same character that nobody edited and nothing else uses, in slices."""
    found = []
    for action in _same_takes(recipe, character.name):
        slot = curves.first_slot(action)
        if slot is None or curves.used_beside(action, character.resolve()):
            continue
        checksum = yield from curves.fingerprint(slot)
        if checksum == curves.text(action, FINGERPRINT_PROPERTY):
            found.append(action)
    return found


def _same_takes(recipe: Recipe, character: str) -> list[Reference]:
    if recipe == Recipe():  # says nothing about the motion
        return []
    return [
        action
        for action in curves.understudy_actions()
        if curves.text(action, curves.RECIPE_PROPERTY) == recipe.to_json() and curves.text(action, CHARACTER_PROPERTY) == character
    ]
