"""Emotions by their names for a model that never learned these: they lie where voices of actors lie who played them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from ..contract import EMOTIONS
from .emotion_anchors import EmotionAnchors
from .emotion_embedding import EmotionDistribution, unit
from .speech_to_face import FaceNetworks, emotion_of_sound

Voices = Mapping[str, Sequence[np.ndarray]]  # clips (L,) of 16 kHz by the emotion that they are spoken with
# Of emotions that no voice is there for, those that they are made of: surprise is as high in arousal as fear and joy and lies between
# them in valence (Russell 1980), contempt is disgust with anger (Plutchik 1980)
_MIXED_OF = {"surprised": ("happy", "fearful"), "contempt": ("disgusted", "angry")}


@torch.inference_mode()
def anchors_of_voices(networks: FaceNetworks, voices: Voices, report: Callable[[int, int], None]) -> EmotionAnchors:
    """The emotions of a model that has no anchors of its own. report: clips heard and their number; what it raises ends the work."""
    total, heard = sum(map(len, voices.values())), 0
    clips: dict[str, list[EmotionDistribution]] = {}
    for emotion, sounds in voices.items():
        clips[emotion] = []
        for sound in sounds:
            report(heard, total)
            clips[emotion].append(emotion_of_sound(networks, sound))
            heard += 1
    anchors = EmotionAnchors(networks.talker.config.emotion_width).to(networks.talker.decoder.weight.device)
    for emotion in EMOTIONS:
        names = (emotion,) if emotion in clips else _MIXED_OF[emotion]
        anchors.place(emotion, mixture([clip for name in names for clip in clips[name]]))
    return anchors


def mixture(clips: Sequence[EmotionDistribution]) -> EmotionDistribution:
    """The normal distribution (1, E) that has the mean and the variance of all these (1, E) together, with a mean of length one."""
    means = torch.cat([clip.mean for clip in clips])
    inside = torch.cat([clip.log_variance for clip in clips]).exp().mean(0, keepdim=True)
    log_variance = (inside + means.var(0, correction=0, keepdim=True)).log()
    return EmotionDistribution(unit(means.mean(0, keepdim=True)), log_variance)
