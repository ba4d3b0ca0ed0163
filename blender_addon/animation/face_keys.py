"""Which shape key of a mesh stands for which coefficient of a face space, told by its name alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from ...core.contract.head import CORRECTIVE_NAMES

# ARKit's 52 shapes (Apple, ARFaceAnchor.BlendShapeLocation)
_SIDED = (
    "browDown", "browOuterUp", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide",
    "mouthDimple", "mouthFrown", "mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch", "mouthUpperUp", "noseSneer",
)  # fmt: skip
_SINGLE = (
    "browInnerUp", "cheekPuff", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthFunnel", "mouthLeft", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "tongueOut",
)  # fmt: skip
ARKIT_NAMES = tuple(sorted((*_SINGLE, *(name + side for name in _SIDED for side in ("Left", "Right")))))

_SIDE = re.compile(r"[ ._-]([lr])$")
_NUMBERED = re.compile(r"(.*?)(exp|pose)[ ._-]?(\d+)", re.IGNORECASE)
_SMPLX_CORRECTIVES = 486  # nine of each of SMPL-X's 54 joints after the pelvis, among them jaw and eyes
_SMPLX_JAW = 9 * 21


def arkit_keys(key_names: Iterable[str]) -> dict[str, str]:
    """ARKit's name to the key's: in any case, with `_L` for `Left`, and behind a prefix that most of them share."""
    plain: dict[str, str] = {}
    for name in key_names:
        plain.setdefault(_plain(name), name)
    wanted = {name: name.lower() for name in ARKIT_NAMES}
    prefixes = Counter(name[: -len(end)] for name in plain for end in wanted.values() if name.endswith(end))
    usual = [prefix for prefix, _ in prefixes.most_common(1)]
    found = {name: next((plain[start + end] for start in (*usual, "") if start + end in plain), "") for name, end in wanted.items()}
    return {name: key for name, key in found.items() if key}


def short_name(arkit_name: str) -> str:
    """For narrow columns, which cut names off at their end, where the side stands: `browDown L`."""
    for side in ("Left", "Right"):
        if arkit_name.removesuffix(side) in _SIDED:
            return f"{arkit_name.removesuffix(side)} {side[0]}"
    return arkit_name


def flame_keys(key_names: Iterable[str]) -> dict[str, str]:
    """Exp1, Exp2, ... to the key's name, be the keys numbered from one (Exp1) or from zero (Exp000)."""
    return {f"Exp{number}": name for number, name in _numbered(key_names, "exp").items()}


def corrective_keys(key_names: Iterable[str]) -> dict[str, str]:
    """FLAME's Pose1, Pose2, ... to the key's name; of SMPL-X's correctives, those of jaw and eyes."""
    numbered = _numbered(key_names, "pose")
    is_body = max(numbered, default=0) >= _SMPLX_CORRECTIVES
    # The neck's nine, which come first in FLAME, are the body's in SMPL-X
    places = range(9, len(CORRECTIVE_NAMES)) if is_body else range(len(CORRECTIVE_NAMES))
    shift = 1 + (_SMPLX_JAW - 9 if is_body else 0)
    return {CORRECTIVE_NAMES[place]: numbered[place + shift] for place in places if place + shift in numbered}


def _plain(name: str) -> str:
    spelled = _SIDE.sub(lambda side: "left" if side[1] == "l" else "right", name.lower())
    return re.sub(r"[^a-z0-9]", "", spelled)


def _numbered(key_names: Iterable[str], kind: str) -> dict[int, str]:
    """Number, counted from one, to name."""
    found = [match for name in key_names if (match := _NUMBERED.fullmatch(name)) and match[2].lower() == kind]
    for prefix, _ in Counter(match[1] for match in found).most_common(1):
        numbers = {int(match[3]): match[0] for match in found if match[1] == prefix}
        first = 0 if 0 in numbers else 1
        return {number - first + 1: name for number, name in numbers.items()}
    return {}
