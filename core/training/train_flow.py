"""Trains the rectified-flow decoder on the codes of a frozen tokenizer (DisCoRD, section 3; Liu et al., arXiv 2209.03003)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..body.features import LocalRotations
from ..body.flow_decoder import FlowDecoderConfig, RectifiedFlowDecoder
from ..body.motion_tokens import NO_CODE, MotionTokenizer
from .corpus import Corpus
from .run import NoExtraState
from .windows import WindowSampler

LONG, SHORT = 64, 32  # frames
VALIDATION_WINDOWS, USUAL_WINDOWS = 48, 256
# Where less than this is left to t = 1, an error of the motion no longer counts more
WEIGHED_ALIKE = 0.5
VALIDATION_STEPS = 16
# Errors that change from frame to frame are seen as jitter. The best prediction, the mean, is the same under every such weight
STEP_WEIGHT, STEP_OF_STEP_WEIGHT = 4.0, 2.0
# Jitter is seen where little moves: its weight is the usual unrest of windows by that of the window itself, at most about this
CALMEST_WEIGHT = 10.0
# So often a flow decoder sees only the first few token layers, as many as a draw says. It learns to bring the detail itself, which the
# residual transformer can hardly know from the words
FEWER_LAYERS_SHARE = 0.5
DRIFT_WEIGHT = 0.1  # of the errors of the root's velocities added up over a window, by which a walk goes astray


class FlowTask(NoExtraState):
    """See training.run.Task."""

    def __init__(
        self, corpus: Corpus, config: FlowDecoderConfig, tokenizer: MotionTokenizer, representation: LocalRotations, device: torch.device
    ) -> None:
        self.network = RectifiedFlowDecoder(config).to(device)
        self._tokenizer = tokenizer.to(device)
        self._representation, self._device = representation, device
        self._root = representation.layout.root_velocities
        self._long, self._short = WindowSampler(corpus, "train", LONG), WindowSampler(corpus, "train", SHORT)
        usual = self._long.sample(USUAL_WINDOWS, torch.Generator().manual_seed(0))
        self._usual_unrest = float(_unrest(representation.normalise(usual)).mean())
        held_out = WindowSampler(corpus, "validation", LONG).sample(VALIDATION_WINDOWS, torch.Generator().manual_seed(0))
        self._validation = representation.normalise(held_out).to(device)

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        if torch.rand((), generator=generator) < 0.5:
            raw = self._long.sample(batch_size, generator)
        else:
            raw = self._short.sample(batch_size * LONG // SHORT, generator)
        data = self._representation.normalise(raw).to(self._device)
        noise = torch.randn(data.shape, generator=generator).to(self._device)
        times = torch.rand(len(data), generator=generator).to(self._device)
        codes = self._codes(data, self._layers_of(data, generator))
        return self._velocity_error(self.network, data, noise, times, codes), {}

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, RectifiedFlowDecoder)
        generator = torch.Generator().manual_seed(1)
        noise = torch.randn(self._validation.shape, generator=generator).to(self._device)
        times = torch.linspace(0.01, 0.99, len(noise), device=self._device)
        layers = torch.full((len(noise),), self._tokenizer.config.n_quantizers)
        codes = self._codes(self._validation, layers)
        few = self._codes(self._validation, layers // 3)
        decoded, from_few = (network.decode(each, noise, VALIDATION_STEPS, sketch=self._sketch(each)) for each in (codes, few))
        return {
            "loss": float(self._velocity_error(network, self._validation, noise, times, codes)),
            "feature_error_of_few": float(F.l1_loss(from_few, self._validation)),
            "feature_error": float(F.l1_loss(decoded, self._validation)),
            "jitter": float(decoded.diff(n=2, dim=1).abs().mean() / self._validation.diff(n=2, dim=1).abs().mean()),
        }

    def _velocity_error(self, network: RectifiedFlowDecoder, data: Tensor, noise: Tensor, times: Tensor, codes: Tensor) -> Tensor:
        t = times[:, None, None]
        velocity = network(t * data + (1 - t) * noise, times, codes, self._sketch(codes))
        error = velocity - (data - noise)
        if not network.config.predicts_motion:
            return error.square().mean()
        error = error * ((1 - t) / (1 - t).clamp_min(WEIGHED_ALIKE))
        return time_weighed(error, self._root, self._calmness(data))

    def _sketch(self, codes: Tensor) -> Tensor | None:
        """What the tokenizer's own decoder makes of the codes, for a decoder that refines it."""
        if not self.network.config.refines:
            return None
        with torch.no_grad():
            return self._tokenizer.decoder(codes)

    def _calmness(self, data: Tensor) -> Tensor:
        """(B,) how much more jitter counts in each window than in one of the usual unrest."""
        return self._usual_unrest / (_unrest(data) + self._usual_unrest / CALMEST_WEIGHT)

    def _layers_of(self, data: Tensor, generator: torch.Generator) -> Tensor:
        """(B,) how many token layers each window shows."""
        n_layers = self._tokenizer.config.n_quantizers
        fewer = torch.rand(len(data), generator=generator) < FEWER_LAYERS_SHARE
        return torch.where(fewer, torch.randint(1, n_layers + 1, fewer.shape, generator=generator), n_layers)

    def _codes(self, data: Tensor, layers: Tensor) -> Tensor:
        """Token vectors (B, T/4, C) of the first layers[b] layers of window b."""
        with torch.no_grad():
            ids = self._tokenizer.encode(data)
            shown = torch.arange(ids.shape[-1]) < layers[:, None]
            return self._tokenizer.quantizer.lookup(ids.masked_fill(~shown[:, None].to(ids.device), NO_CODE))


def as_refining(state: dict[str, Tensor], n_features: int) -> dict[str, Tensor]:
    """Weights of a decoder that predicts the motion, as those of one that begins by leaving the sketch as it is."""
    first, last = state["net.init_proj.weight"], {name: torch.zeros_like(state[name]) for name in state if "final_conv" in name}
    widened = torch.cat((first, first.new_zeros(len(first), n_features, 1)), dim=1)
    return {**state, "net.init_proj.weight": widened, **last}


def _unrest(data: Tensor) -> Tensor:
    """(B,) mean square of what changes from step to step of features (B, T, D)."""
    return data.diff(n=2, dim=1).square().mean((1, 2))


def time_weighed(error: Tensor, root: slice, calmness: Tensor) -> Tensor:
    """Mean square of an error (B, T, D), of its steps in time, of their steps, and of the sums of the columns `root`, weighed.

    calmness: (B,) weights of the steps of each window.
    """
    steps, second_steps, sums = error.diff(dim=1), error.diff(n=2, dim=1), error[..., root].cumsum(dim=1)
    jitter = STEP_WEIGHT * steps.square().mean((1, 2)) + STEP_OF_STEP_WEIGHT * second_steps.square().mean((1, 2))
    return error.square().mean() + (calmness * jitter).mean() + DRIFT_WEIGHT * sums.square().sum() / error.numel()
