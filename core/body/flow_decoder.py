"""The rectified-flow decoder: motion tokens as condition, noise in, continuous motion out (DisCoRD, arXiv 2411.19527).

A one-dimensional U-Net without attention or positions: purely convolutional, so any length is decoded in one pass and a frame
depends on neighbours only. Parameter names are those of the published checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .flow import Step, evaluation_times, integrate
from .motion_tokens import FRAMES_PER_TOKEN

_SHORTEST_WAY = 1e-4  # from t to 1; sampling ends its last step further away


@dataclass(frozen=True)
class FlowDecoderConfig:
    """Defaults are the published configuration (66.9 M parameters).

    predicts_motion: the U-Net sees t x and gives the motion without its noise; the velocity follows from that. Noise then need not pass
    through a `width` that is narrower than the features (Li and He, "Back to Basics: Let Denoising Generative Models Denoise", arXiv
    2511.13720).
    refines: the U-Net also sees the motion that the tokenizer's own decoder makes of the tokens, smoothed: the sketch. It predicts what to
    change in it. A small network need not learn the whole way from tokens to motion a second time.
    """

    n_features: int = 263
    code_dim: int = 512
    width: int = 512
    width_multipliers: tuple[int, ...] = (1, 2)
    condition_width: int = 256
    predicts_motion: bool = False
    refines: bool = False

    def __post_init__(self) -> None:
        if self.refines and not self.predicts_motion:
            raise ValueError("a decoder that refines a sketch predicts the motion")


class RectifiedFlowDecoder(nn.Module):
    """Velocity (B, T, D) at noisy features x (B, T, D), times t (B,) in 0..1, token vectors y (B, T/4, C), sketch (B, T, D) or None."""

    def __init__(self, config: FlowDecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.net = VelocityUNet(config)

    def forward(self, x: Tensor, t: Tensor, y: Tensor, sketch: Tensor | None = None) -> Tensor:
        return self.velocity(x, t, self.condition(y, sketch))

    def decode(self, y: Tensor, noise: Tensor, steps: int, on_step: Step | None = None, sketch: Tensor | None = None) -> Tensor:
        """Noise (B, T, D) to features (B, T, D) over `steps` grid points.

        A decoder that predicts the motion ends its last Euler step at what it predicts; midpoint would go beyond.
        """
        condition = self.condition(y, sketch)
        method = "euler" if self.config.predicts_motion else "midpoint"
        # At once, because the weights that time goes through are a third of all, and each step would read them again
        of_all_times = self.net.modulations(evaluation_times(steps, method).to(noise))
        steps_to_come = iter(zip(*(rows.split(1) for rows in of_all_times), strict=True))
        return integrate(lambda x, t: self._velocity(x, t, next(steps_to_come), condition), noise, steps, method, on_step)

    def condition(self, y: Tensor, sketch: Tensor | None = None) -> Tensor:
        """Token vectors (B, n, C) to the condition (B, K, 4 n), below it the sketch (B, D, 4 n); the same for every step of a sampling."""
        condition = self.net.condition(y)
        if not self.config.refines:
            return condition
        assert sketch is not None
        return torch.cat((condition, smoothed(sketch.transpose(1, 2))), dim=1)

    def velocity(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        return self._velocity(x, t, self.net.modulations(t), condition)

    def _velocity(self, x: Tensor, t: Tensor, modulations: Sequence[Tensor], condition: Tensor) -> Tensor:
        if not self.config.predicts_motion:
            return self.net(x.transpose(1, 2), modulations, condition).transpose(1, 2)
        t_of_x = t[:, None, None]
        # x scaled by t fades the noise in which nothing can be seen yet, so that the network looks at the tokens there
        motion = self.net((t_of_x * x).transpose(1, 2), modulations, condition).transpose(1, 2)
        if self.config.refines:
            motion = motion + condition[:, self.config.condition_width :].transpose(1, 2)
        return (motion - x) / (1 - t_of_x).clamp_min(_SHORTEST_WAY)


def smoothed(sketch: Tensor) -> Tensor:
    """(B, D, T) with each frame a mean of itself and its neighbours, weights 1 2 1; the ends are held.

    The tokenizer's decoder doubles its frames twice, which leaves steps between them that are seen as jitter.
    """
    held = F.pad(sketch, (1, 1), mode="replicate")
    return (held[..., :-2] + 2 * held[..., 1:-1] + held[..., 2:]) / 4


class VelocityUNet(nn.Module):
    def __init__(self, config: FlowDecoderConfig) -> None:
        super().__init__()
        width, time_width = config.width, 4 * config.width
        seen = config.n_features * (2 if config.refines else 1) + config.condition_width
        self.init_proj = nn.Conv1d(seen, width, 1)
        self.time_mlp = nn.Sequential(TimeEmbedding(width), nn.Linear(width, time_width), nn.GELU(), nn.Linear(time_width, time_width))
        stacked = FRAMES_PER_TOKEN * config.code_dim
        # Only the entries with parameters matter; the reshapes between them are in condition()
        self.condition_projection = nn.ModuleList(
            (nn.Identity(), nn.Conv1d(stacked, stacked, 1), nn.Identity(), nn.Conv1d(config.code_dim, config.condition_width, 1))
        )
        widths = [width, *(width * multiplier for multiplier in config.width_multipliers)]
        levels = list(zip(widths[:-1], widths[1:], strict=True))
        self.downs = nn.ModuleList(self._down(low, high, time_width, level == len(levels) - 1) for level, (low, high) in enumerate(levels))
        self.mid_block1 = FlowBlock(widths[-1], widths[-1], time_width)
        self.mid_block2 = FlowBlock(widths[-1], widths[-1], time_width)
        self.ups = nn.ModuleList(
            self._up(low, high, time_width, level == len(levels) - 1) for level, (low, high) in enumerate(reversed(levels))
        )
        self.final_res_block = FlowBlock(2 * width, width, time_width)
        self.final_conv = nn.Conv1d(width, config.n_features, 1)

    @staticmethod
    def _down(low: int, high: int, time_width: int, last: bool) -> Level:
        narrow = nn.Conv1d(low, high, 3, padding=1) if last else nn.Conv1d(low, high, 4, stride=2, padding=1)
        return Level((FlowBlock(low, low, time_width), narrow))

    @staticmethod
    def _up(low: int, high: int, time_width: int, last: bool) -> Level:
        conv = nn.Conv1d(high, low, 3, padding=1)
        widen = conv if last else nn.Sequential(nn.Upsample(scale_factor=2), conv)
        return Level((FlowBlock(high + low, high, time_width), widen))

    def condition(self, y: Tensor) -> Tensor:
        batch, tokens, code_dim = y.shape
        stacked = y.repeat_interleave(FRAMES_PER_TOKEN, dim=1).reshape(batch, tokens, FRAMES_PER_TOKEN * code_dim)
        mixed = self.condition_projection[1](stacked.transpose(1, 2)).transpose(1, 2)
        frames = mixed.reshape(batch, tokens * FRAMES_PER_TOKEN, code_dim)
        return self.condition_projection[3](frames.transpose(1, 2))

    def modulations(self, t: Tensor) -> list[Tensor]:
        """Scales and shifts (B, 2 C) of each block in the order of `forward`, at times (B,) in 0..1."""
        e = self.time_mlp(t)
        downs, ups = ([level.block for level in _levels(levels)] for levels in (self.downs, self.ups))
        return [block.mlp(e) for block in (*downs, self.mid_block1, self.mid_block2, *ups, self.final_res_block)]

    def forward(self, x: Tensor, modulations: Sequence[Tensor], condition: Tensor) -> Tensor:
        """x (B, D, T), condition (B, K, T), modulations of as many rows or of one for all."""
        first = h = self.init_proj(torch.cat((x, condition), dim=1))
        m = iter(modulations)
        skips = []
        for down in _levels(self.downs):
            h = down.block(h, next(m))
            skips.append(h)
            h = down.resample(h)
        h = self.mid_block2(self.mid_block1(h, next(m)), next(m))
        for up in _levels(self.ups):
            h = up.resample(up.block(torch.cat((h, skips.pop()), dim=1), next(m)))
        return self.final_conv(self.final_res_block(torch.cat((h, first), dim=1), next(m)))


class Level(nn.ModuleList):
    """One resolution of the U-Net: a block, then the change of resolution."""

    @property
    def block(self) -> FlowBlock:
        block = self[0]
        assert isinstance(block, FlowBlock)
        return block

    @property
    def resample(self) -> nn.Module:
        return self[1]


def _levels(modules: nn.ModuleList) -> list[Level]:
    return [module for module in modules if isinstance(module, Level)]


class TimeEmbedding(nn.Module):
    """Sines, then cosines of t (B,) in 0..1 at geometric frequencies: (B, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.n_frequencies = width // 2

    def forward(self, t: Tensor) -> Tensor:
        frequencies = torch.exp(torch.arange(self.n_frequencies, device=t.device) * (-math.log(10000) / (self.n_frequencies - 1)))
        angles = t[:, None] * frequencies
        return torch.cat((angles.sin(), angles.cos()), dim=-1)


class FlowBlock(nn.Module):
    """Two normalised convolutions, the first scaled and shifted by the time embedding, around a skip."""

    def __init__(self, in_width: int, out_width: int, time_width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(time_width, 2 * out_width))
        self.block1 = NormalisedConv(in_width, out_width)
        self.block2 = NormalisedConv(out_width, out_width)
        self.res_conv = nn.Conv1d(in_width, out_width, 1) if in_width != out_width else nn.Identity()

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        scale, shift = modulation[..., None].chunk(2, dim=1)
        h = F.silu(self.block1(x) * (scale + 1) + shift)
        return F.silu(self.block2(h)) + self.res_conv(x)


class NormalisedConv(nn.Module):
    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.proj = nn.Conv1d(in_width, out_width, 3, padding=1)
        self.norm = ChannelNorm(out_width)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.proj(x))


class ChannelNorm(nn.Module):
    """Root mean square normalisation over the channels of each frame, with a learnt gain."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.ones(1, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=1) * self.g * x.shape[1] ** 0.5
