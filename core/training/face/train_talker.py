"""Trains the talker: from what is heard and an emotion to the codes of a face, by the right codes and by the face that comes out."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...face.expression_tokens import ExpressionTokenizer
from ...face.talker import Talker, TalkerConfig
from ..run import NoExtraState
from .emotion_bank import EmotionBank
from .face_batches import FaceBatches
from .face_losses import LIPS, face_loss, lips_apart, lips_correlation
from .face_scale import FaceScale

CODES, FACE = 0.2, 1.0  # weights of both losses
SMOOTHING = 0.05
TEMPERATURE = 1.0  # of the choice that gradients go through
HEARING_NOISE = 0.15  # in deviations of a feature
VALIDATION_WINDOWS = 64


class TalkerTask(NoExtraState):
    """See training.run.Task."""

    def __init__(
        self,
        train: FaceBatches,
        validation: FaceBatches,
        scale: FaceScale,
        tokens: ExpressionTokenizer,
        bank: EmotionBank,
        config: TalkerConfig,
        lips_weight: float = LIPS,
    ) -> None:
        self.network = Talker(config)
        self._train, self._scale, self._tokens, self._bank = train, scale, tokens, bank
        self._lips_weight = lips_weight
        self._held_out = validation.draw(VALIDATION_WINDOWS, torch.Generator().manual_seed(0))

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        batch = self._train.draw(batch_size, generator)
        emotion = self._bank.drawn(batch.emotions, batch.intensities, generator)
        heard = batch.heard + HEARING_NOISE * torch.randn_like(batch.heard)
        features = self.network.features(heard, emotion, _actor(self.network, len(heard)))
        motion = self._scale.of(batch.motion)
        codes = self._codes_loss(self.network, features, motion)
        face = face_loss(self._scale, self._chosen_face(features), motion, self._lips_weight)
        return CODES * codes + FACE * face, {"codes": float(codes.detach()), "face": float(face.detach())}

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, Talker)
        batch = self._held_out
        made = likeliest_face(network, self._tokens, batch.heard, self._bank.by_name(batch.emotions, batch.intensities))
        motion = self._scale.of(batch.motion)
        figures = {"lips r": lips_correlation(self._scale, made, motion), "lips mm": lips_apart(self._scale, made, motion)}
        return {"loss": float(face_loss(self._scale, made, motion)), **{name: float(value) for name, value in figures.items()}}

    def _codes_loss(self, network: Talker, features: Tensor, motion: Tensor) -> Tensor:
        with torch.no_grad():
            top, bottom = self._tokens.encode(motion)
            expanded = self._tokens.expanded_top(top)
        guessed = network.top_logits(features), network.bottom_logits(features, expanded)
        losses = [
            F.cross_entropy(logits.flatten(0, 1), ids.flatten(), label_smoothing=SMOOTHING)
            for logits, ids in zip(guessed, (top, bottom), strict=True)
        ]
        return losses[0] + losses[1]

    def _chosen_face(self, features: Tensor) -> Tensor:
        """The face of codes that are drawn by what the network thinks of them, through which gradients go (DEEPTalk, Gumbel softmax)."""
        tokens = self._tokens
        top = F.gumbel_softmax(self.network.top_logits(features), TEMPERATURE, hard=True) @ tokens.quantize_t.codebook.weight
        logits = self.network.bottom_logits(features, tokens.decoder_t(top))
        bottom = F.gumbel_softmax(logits, TEMPERATURE, hard=True) @ tokens.quantize_b.codebook.weight
        upsampled = tokens.upsample_t(top.transpose(1, 2)).transpose(1, 2)
        return tokens.decoder_b(torch.cat((upsampled, bottom), dim=-1))


def likeliest_face(network: Talker, tokens: ExpressionTokenizer, heard: Tensor, emotion: Tensor) -> Tensor:
    """(B, T, 55) of the likeliest codes, scaled."""
    features = network.features(heard, emotion, _actor(network, len(heard)))
    top = network.top_logits(features).argmax(-1)
    bottom = network.bottom_logits(features, tokens.expanded_top(top)).argmax(-1)
    return tokens.decode(top, bottom)


def _actor(network: Talker, count: int) -> Tensor:
    """There is one style, which is the teacher's."""
    return torch.ones(count, network.config.n_actors) / network.config.n_actors
