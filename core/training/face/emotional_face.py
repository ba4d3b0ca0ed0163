"""What an emotion adds to a speaking face: action units of EMFACS (Friesen and Ekman 1983) in ARKit's shapes, yielding to speech."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arkit_shapes import shape_vector
from .lip_line import LipLine
from .speaking_face import with_opening

# The upper face shows an emotion in full and the lower one at a reduced weight while speaking
UPPER: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"cheekSquint": 0.75, "eyeSquint": 0.3},  # 6
    "sad": {"browInnerUp": 0.85, "browDown": 0.3, "eyeBlink": 0.18, "eyeSquint": 0.15},  # 1 + 4, lids lower
    "surprised": {"browInnerUp": 0.9, "browOuterUp": 0.95, "eyeWide": 0.85},  # 1 + 2 + 5
    "fearful": {"browInnerUp": 0.95, "browOuterUp": 0.4, "browDown": 0.45, "eyeWide": 0.75, "eyeSquint": 0.25},  # 1 + 2 + 4 + 5 + 7
    "disgusted": {"noseSneer": 0.9, "browDown": 0.4, "eyeSquint": 0.4, "cheekSquint": 0.25},  # 9
    "angry": {"browDown": 0.95, "eyeWide": 0.35, "eyeSquint": 0.4, "noseSneer": 0.35},  # 4 + 5 + 7
    "contempt": {"browOuterUpLeft": 0.3, "eyeSquintRight": 0.3, "noseSneerRight": 0.2},
    "bored": {"eyeBlink": 0.4, "browOuterUp": 0.1},  # 43 partly
}
LOWER: dict[str, dict[str, float]] = {
    "neutral": {},
    "happy": {"mouthSmile": 0.8, "mouthDimple": 0.15},  # 12
    "sad": {"mouthFrown": 0.8, "mouthShrugLower": 0.3},  # 15 + 17
    "surprised": {"mouthFunnel": 0.1},
    "fearful": {"mouthStretch": 0.7, "mouthFrown": 0.15},  # 20
    "disgusted": {"mouthFrown": 0.45, "mouthUpperUp": 0.45, "mouthLowerDown": 0.2},  # 15 + 16 or 10
    "angry": {"mouthPress": 0.45, "mouthRollLower": 0.15, "mouthFrown": 0.25, "jawForward": 0.25},  # 23 + 24
    "contempt": {"mouthSmileRight": 0.65, "mouthDimpleRight": 0.85, "mouthPressRight": 0.2},  # 12 + 14 on one side
    "bored": {"mouthFrown": 0.25},
}
NAMES = tuple(UPPER)  # the eight that can be asked for, then "bored"
OPENS = {"surprised": 0.005, "fearful": 0.0015}  # metres that lips part beyond what speech wants; 26
LOUDNESS = {"happy": 1.1, "sad": 0.85, "surprised": 1.1, "angry": 1.15, "bored": 0.85}  # how widely one speaks
WHILE_SPEAKING = 0.65  # weight of the lower face
YIELDS = 0.6  # share of it that a closure takes away
CALM = 0.75  # part of an emotion that is there without any arousal
_STRONGEST = 1.0


@dataclass(frozen=True)
class SpokenFrames:
    """lips: (T, E) mouth shapes and brows without emotion, before the jaw; aperture: (T,) metres; the others (T,) in 0..1."""

    lips: np.ndarray
    aperture: np.ndarray
    shut: np.ndarray
    speaking: np.ndarray
    arousal: np.ndarray


def emotional_face(line: LipLine, spoken: SpokenFrames, emotion: str, intensity: float) -> np.ndarray:
    """Expression (T, E) in 0..1 of a face that speaks with an emotion of NAMES; intensity: 0 for none, 1 for a clear one, up to 2."""
    strength = intensity * (CALM + (1 - CALM) * spoken.arousal)
    lower_share = strength * (1 - (1 - WHILE_SPEAKING) * spoken.speaking) * (1 - YIELDS * spoken.shut)
    upper, lower = (shape_vector(line.names, table[emotion]) for table in (UPPER, LOWER))
    aperture = spoken.aperture * (1 + min(intensity, 1.0) * (LOUDNESS.get(emotion, 1.0) - 1))
    aperture = aperture + OPENS.get(emotion, 0.0) * strength * (1 - spoken.shut)
    lips = np.clip(spoken.lips + lower_share[:, None] * lower, 0, _STRONGEST)
    expression = with_opening(line, lips, aperture, spoken.shut)
    return np.clip(expression + strength[:, None] * upper, 0, _STRONGEST).astype(np.float32)
