"""Names of shape keys as other tools write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from understudy.blender_addon.animation.face_keys import ARKIT_NAMES, arkit_keys, corrective_keys, flame_keys, short_name


@pytest.mark.parametrize("spell", [
    str, str.lower, str.upper, lambda name: name[0].upper() + name[1:], lambda name: f"Face.M_F00_{name}", lambda name: f"arkit_{name.lower()}",
    lambda name: name.replace("Left", "_L").replace("Right", "_R") if name[:-4].startswith(("brow", "eye")) else name,
])  # fmt: skip
def test_arkit_s_52_names_in_other_spellings(spell: Callable[[str], str]) -> None:
    keys = {name: spell(name) for name in ARKIT_NAMES}
    assert arkit_keys(["Basis", "Smile", *keys.values()]) == keys


def test_a_key_without_the_usual_prefix_is_found_and_one_with_another_is_not() -> None:
    found = arkit_keys(["F_jawOpen", "F_mouthClose", "eyeBlink_L", "Body_cheekPuff", "F_mouthLeft", "left"])
    assert found == {"jawOpen": "F_jawOpen", "mouthClose": "F_mouthClose", "eyeBlinkLeft": "eyeBlink_L", "mouthLeft": "F_mouthLeft"}


@pytest.mark.parametrize(
    ("pattern", "first", "pad"), [("Exp{}", 1, 0), ("Exp{}", 0, 3), ("exp_{}", 1, 0), ("EXP{}", 0, 0), ("m_Exp{}", 0, 3)]
)
def test_flame_s_expressions_counted_from_zero_or_one(pattern: str, first: int, pad: int) -> None:
    names = [pattern.format(str(number).zfill(pad)) for number in range(first, first + 50)]
    assert flame_keys(["Basis", "Shape000", "Pose000", "Expert", *names]) == {f"Exp{n + 1}": name for n, name in enumerate(names)}


def test_flame_s_correctives() -> None:
    assert corrective_keys([f"Pose{n}" for n in range(1, 37)]) == {f"Pose{n}": f"Pose{n}" for n in range(1, 37)}


def test_smplx_s_correctives_of_jaw_and_eyes_only() -> None:
    """Its joint 22 is the jaw, and every joint after the pelvis has nine."""
    found = corrective_keys([f"Pose{n:03d}" for n in range(486)])
    assert found == {f"Pose{10 + n}": f"Pose{189 + n}" for n in range(27)}


def test_nothing_is_found_among_other_names() -> None:
    names = ["Basis", "Key 1", "expression", "open", "Left"]
    assert (arkit_keys(names), flame_keys(names), corrective_keys(names)) == ({}, {}, {})


def test_short_names_tell_the_sides_apart() -> None:
    assert len({short_name(name) for name in ARKIT_NAMES}) == 52
    assert [short_name(name) for name in ("mouthLowerDownRight", "jawLeft", "tongueOut")] == ["mouthLowerDown R", "jawLeft", "tongueOut"]
