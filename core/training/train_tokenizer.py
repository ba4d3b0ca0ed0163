"""Trains the motion tokenizer: reconstruction of features and of joint positions, commitment, moving-average codebooks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..body.features import LocalRotations, group_statistics
from ..body.motion_tokens import MotionTokenizer, TokenizerConfig
from ..geometry.rotations import matrix_from_rotation_6d
from ..geometry.skeleton import forward_kinematics
from .codebook_updates import CodebookUpdates
from .corpus import Corpus
from .windows import WindowSampler

# How much more the root counts: its errors add up over time and let the feet slide
EMPHASIS = {"yaw_velocity": 2.0, "planar_velocity": 2.0, "pelvis_height": 2.0}
COMMITMENT = 0.02
POSITIONS = 2.0  # weight of the joint positions, in units of 0.1 m
DRIFT = 0.05  # weight of what a window's end is turned and displaced by, in units of 0.1 rad and 0.1 m
LONG, SHORT = 64, 32  # frames; short windows let in the short clips
VALIDATION_WINDOWS = 128


def fitted_representation(corpus: Corpus) -> LocalRotations:
    """Our representation with the statistics of the training split."""
    rows = torch.cat([corpus.frames(stretch) for stretch in corpus.split("train")])
    layout = LocalRotations(torch.zeros(1), torch.ones(1)).layout
    return LocalRotations(*group_statistics(rows, layout, EMPHASIS))


class TokenizerTask:
    """See training.run.Task."""

    def __init__(self, corpus: Corpus, config: TokenizerConfig, device: torch.device) -> None:
        self.representation = fitted_representation(corpus)
        self.network = MotionTokenizer(config).to(device)
        self._device = device
        self._updates = CodebookUpdates(self.network.quantizer)
        self._long, self._short = WindowSampler(corpus, "train", LONG), WindowSampler(corpus, "train", SHORT)
        held_out = WindowSampler(corpus, "validation", LONG)
        self._validation = held_out.sample(VALIDATION_WINDOWS, torch.Generator().manual_seed(0)).to(device)

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        if torch.rand((), generator=generator) < 0.5:
            raw = self._long.sample(batch_size, generator)
        else:
            raw = self._short.sample(batch_size * LONG // SHORT, generator)
        raw = raw.to(self._device)
        features = self.representation.normalise(raw)
        quantised, commitment, perplexity = self._updates.quantize(self.network.encoder(features))
        decoded = self.network.decoder(quantised)
        reconstruction = F.smooth_l1_loss(decoded, features)
        positions = self._position_error(decoded.float(), raw)
        drift = root_drift(self.representation, decoded.float(), raw) * 10.0
        wrong = POSITIONS * _smooth(positions) + DRIFT * _smooth(drift)
        loss = reconstruction + wrong + COMMITMENT * commitment
        figures = {"reconstruction": reconstruction, "commitment": commitment, "drift": drift.abs().mean()}
        return loss, {"perplexity": perplexity, **{name: float(value.detach()) for name, value in figures.items()}}

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, MotionTokenizer)
        features = self.representation.normalise(self._validation)
        ids = network.encode(features)
        decoded = network.decode(ids)
        error = self._position_error(decoded, self._validation).norm(dim=-1).mean() * 100.0
        turned = root_drift(self.representation, decoded, self._validation)[:, -1, 0].square().mean().sqrt()
        return {
            "loss": float(F.smooth_l1_loss(decoded, features)),
            "mpjpe_mm": float(error),
            "turned_degrees": math.degrees(float(turned)),
            "codes_used": float(ids[..., 0].unique().numel()),
        }

    def start_from(self, representation: LocalRotations) -> None:
        """Goes on with the statistics and codebooks of a trained tokenizer, whose parameters the network has already."""
        self.representation = representation
        self._updates.go_on()

    def extra_state(self) -> dict[str, Any]:
        statistics = {"mean": self.representation.mean, "std": self.representation.std}
        return {"codebooks": self._updates.state(), "statistics": statistics}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        self._updates.load_state(state["codebooks"])
        self.representation = LocalRotations(state["statistics"]["mean"], state["statistics"]["std"])

    def _position_error(self, decoded: Tensor, raw: Tensor) -> Tensor:
        """Joint position differences (B, T, J, 3) in units of 0.1 m, both bodies at the origin facing +Z."""
        return (self._positions(self.representation.denormalise(decoded)) - self._positions(raw)) * 10.0

    def _positions(self, raw: Tensor) -> Tensor:
        groups = self.representation.layout.groups
        rotations = matrix_from_rotation_6d(raw[..., groups["rotations"]].unflatten(-1, (-1, 6)))
        height = raw[..., groups["pelvis_height"]]
        translation = torch.cat((torch.zeros_like(height), height, torch.zeros_like(height)), dim=-1)
        return forward_kinematics(self.representation.skeleton, rotations, translation)[0]


def root_drift(representation: LocalRotations, decoded: Tensor, raw: Tensor) -> Tensor:
    """How far the root has gone astray (B, T, 3): heading in radians, and the way covered in the heading's frame, x and z in metres.

    Velocities are what is predicted; small errors of one sign, hardly seen in a frame, add up to a turn.
    """
    error = (representation.denormalise(decoded) - raw)[..., representation.layout.root_velocities]
    return (error / representation.fps).cumsum(dim=1)


def _smooth(error: Tensor) -> Tensor:
    return F.smooth_l1_loss(error, torch.zeros_like(error))
