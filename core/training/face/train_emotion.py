"""Trains the emotion embedding (DEEPTalk's DEE): voices and faces of one emotion come to lie together, by pairs (PCME++, Chun 2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...face.emotion_embedding import DynamicEmotionEmbedding, EmotionConfig, EmotionDistribution, unit
from ...face.expression_features import ExpressionFeatures, ExpressionFeaturesConfig
from ..run import NoExtraState
from .emotion_pairs import EmotionSampler
from .emotional_face import NAMES
from .face_corpus import FaceClip

BOTTLENECK = 1e-4  # weight of the distance to a standard normal distribution, without which variances vanish
NAMED, SHARPNESS, SMOOTHING = 0.5, 8.0, 0.05  # weight of the names' loss; of its cosines; of its labels
VALIDATION_PAIRS = 256
CERTAIN = -4.0  # logarithm of variance to begin with: with one of 1 every pair is too far apart for distances to matter


class EmotionNetworks(nn.Module):
    """The embedding and the features of faces that it reads, which are learned together here.

    directions: (9, E), where voices and faces of each of NAMES should lie; they are of no use afterwards.
    """

    def __init__(self, emotion: EmotionConfig, features: ExpressionFeaturesConfig) -> None:
        super().__init__()
        self.emotion, self.features = DynamicEmotionEmbedding(emotion), ExpressionFeatures(features)
        for branch in (self.emotion.audio_encoder, self.emotion.exp_encoder):
            assert branch is not None
            nn.init.constant_(branch.std_feature_map.bias, CERTAIN)
        self.directions = nn.Parameter(torch.randn(len(NAMES), emotion.embedding_width))

    def of_face(self, motion: Tensor) -> EmotionDistribution:
        """(B, T, 55)."""
        assert self.emotion.exp_encoder is not None
        return self.emotion.exp_encoder(self.features(motion))

    def of_voice(self, heard: Tensor) -> EmotionDistribution:
        """(B, T, 256)."""
        return self.emotion.audio_encoder(heard)


class EmotionTask(NoExtraState):
    """See training.run.Task."""

    def __init__(
        self, train: EmotionSampler, held_out: Sequence[FaceClip], emotion: EmotionConfig, features: ExpressionFeaturesConfig
    ) -> None:
        self.network = EmotionNetworks(emotion, features)
        self._train, self._held_out = train, held_out
        self._pairs = train.draw(VALIDATION_PAIRS, torch.Generator().manual_seed(0))

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        pairs = self._train.draw(batch_size, generator)
        voices, faces = self.network.of_voice(pairs.heard), self.network.of_face(pairs.motion)
        matching = self._matching(self.network, voices, faces, pairs.matched)
        named = self._named(voices, pairs.voice_emotions) + self._named(faces, pairs.face_emotions)
        loss = matching + NAMED * named + BOTTLENECK * (_bottleneck(voices) + _bottleneck(faces))
        return loss, {"matching": float(matching.detach()), "named": float(named.detach())}

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Recall of voices nobody of whose speakers was heard, by the nearest mean of those that were; and of faces."""
        assert isinstance(network, EmotionNetworks)
        faces = network.of_face(self._pairs.motion)
        face_means = mean_directions(faces.mean, self._pairs.face_emotions)
        seen = nearest(faces.mean, face_means)
        voices = recall(network, self._train, self._held_out, voice_means(network, self._train))
        return {"loss": 1 - voices, "voices": voices, "faces": float((seen == self._pairs.face_emotions).float().mean())}

    def _named(self, found: EmotionDistribution, emotions: Tensor) -> Tensor:
        """Pairs alone say little in a small batch; labels say where each belongs."""
        logits = SHARPNESS * found.mean @ F.normalize(self.network.directions, dim=-1).T
        return F.cross_entropy(logits, emotions, label_smoothing=SMOOTHING)

    @staticmethod
    def _matching(network: EmotionNetworks, voices: EmotionDistribution, faces: EmotionDistribution, matched: Tensor) -> Tensor:
        score = network.emotion.criterion
        loss = F.binary_cross_entropy_with_logits(score(voices, faces), matched)
        return 2 * loss


def mean_directions(means: Tensor, emotions: Tensor) -> Tensor:
    """(9, E): where each of NAMES lies, of length one, or zero for one that there is none of."""
    sums = torch.zeros(len(NAMES), means.shape[1]).index_add_(0, emotions, means)
    return unit(sums)


def nearest(means: Tensor, directions: Tensor) -> Tensor:
    """(B, E) to the rows of the directions that are nearest; those of length zero never are."""
    known = directions.norm(dim=-1) > 0.5
    return (means @ directions.T).masked_fill(~known, -2.0).argmax(-1)


def voice_means(network: EmotionNetworks, sampler: EmotionSampler) -> Tensor:
    """(9, E) of the actors that were trained on."""
    means = torch.cat([network.of_voice(sampler.voices.whole(clip)).mean for clip in sampler.voices.actors])
    return mean_directions(means, torch.tensor([NAMES.index(clip.emotion) for clip in sampler.voices.actors]))


def recall(network: EmotionNetworks, sampler: EmotionSampler, clips: Sequence[FaceClip], directions: Tensor) -> float:
    """Unweighted, over the emotions that these clips have."""
    guesses = torch.cat([nearest(network.of_voice(sampler.voices.whole(clip)).mean, directions) for clip in clips])
    labels = torch.tensor([NAMES.index(clip.emotion) for clip in clips])
    return float(torch.stack([(guesses[labels == label] == label).float().mean() for label in labels.unique()]).mean())


def _bottleneck(emotion: EmotionDistribution) -> Tensor:
    """Kullback-Leibler distance to a standard normal distribution."""
    variance = emotion.log_variance
    return (-0.5 * (1 + variance - emotion.mean.square() - variance.exp())).sum(-1).mean()
