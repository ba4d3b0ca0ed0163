"""Where emotions lie in a trained embedding: an anchor for each by its name, and the voices and faces that lie around it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...contract import EMOTIONS
from ...face.emotion_anchors import EmotionAnchors
from ...face.emotion_embedding import EmotionDistribution, unit
from .emotion_pairs import EmotionSampler
from .emotional_face import NAMES
from .emotional_voices import NEUTRAL
from .train_emotion import EmotionNetworks

FACES = 48  # for each emotion
ANCHOR_SHARE, VOICE_SHARE = 0.4, 0.35  # how often the talker hears of an emotion by its name and by a voice; else by a face


@dataclass(frozen=True)
class EmotionBank:
    """Of each of NAMES: anchors (9, E) of length one; voices and faces, (N, E) each, () for an emotion that no voice has."""

    anchors: Tensor
    voices: list[Tensor]
    faces: list[Tensor]
    log_variances: Tensor

    def drawn(self, emotions: Tensor, intensities: Tensor, generator: torch.Generator) -> Tensor:
        """(B, E) vectors of emotions (B,) into NAMES: on the way from neutral to one of its vectors, as far as the intensity (B,) says."""
        full = torch.stack([self._one(int(emotion), generator) for emotion in emotions])
        return unit(torch.lerp(self.anchors[NEUTRAL].expand_as(full), full, intensities[:, None]))

    def by_name(self, emotions: Tensor, intensities: Tensor) -> Tensor:
        """The same for anchors alone."""
        full = self.anchors[emotions]
        return unit(torch.lerp(self.anchors[NEUTRAL].expand_as(full), full, intensities[:, None]))

    def fill(self, anchors: EmotionAnchors) -> None:
        """Those that can be asked for."""
        for row, name in enumerate(EMOTIONS):
            anchors.mean[row] = self.anchors[NAMES.index(name)]
            anchors.log_variance[row] = self.log_variances[NAMES.index(name)]

    def _one(self, emotion: int, generator: torch.Generator) -> Tensor:
        share = float(torch.rand((), generator=generator))
        voices = self.voices[emotion]
        if share < ANCHOR_SHARE or (share < ANCHOR_SHARE + VOICE_SHARE and not len(voices)):
            return self.anchors[emotion]
        choices = voices if share < ANCHOR_SHARE + VOICE_SHARE else self.faces[emotion]
        return choices[int(torch.randint(len(choices), (), generator=generator))]


@torch.no_grad()
def emotion_bank(network: EmotionNetworks, sampler: EmotionSampler) -> EmotionBank:
    """Of a trained embedding in evaluation mode; voices: the actors' that were trained on."""
    heard = [network.of_voice(sampler.voices.whole(clip)) for clip in sampler.voices.actors]
    labels = [clip.emotion for clip in sampler.voices.actors]
    anchors, variances, voices, faces = [], [], [], []
    for number, name in enumerate(NAMES):
        own = [each for each, label in zip(heard, labels, strict=True) if label == name]
        seen = network.of_face(sampler.faces_of(name, FACES, torch.Generator().manual_seed(number)))
        voices.append(torch.cat([each.mean for each in own]) if own else torch.zeros(0, seen.mean.shape[1]))
        faces.append(seen.mean)
        parts = [_direction(each) for each in (voices[-1], faces[-1]) if len(each)]
        anchors.append(unit(torch.stack(parts).sum(0, keepdim=True))[0])
        variances.append(_log_variance([*own, seen]))
    return EmotionBank(torch.stack(anchors), voices, faces, torch.stack(variances))


def _direction(means: Tensor) -> Tensor:
    return unit(means.mean(0, keepdim=True))[0]


def _log_variance(found: list[EmotionDistribution]) -> Tensor:
    """(E,) of the mixture."""
    means = torch.cat([each.mean for each in found])
    inside = torch.cat([each.log_variance for each in found]).exp().mean(0)
    return (inside + means.var(0, correction=0)).log()
