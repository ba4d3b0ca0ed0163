"""What is said, for models of our own: the encoder of Whisper tiny.en (Radford et al. 2022; MIT), 50 frames a second slowed to 25.

It is frozen and shared: bundles name it, and the file lies beside them. Unlike in Whisper itself, sound is not filled up to 30 s, which
leaves the vectors about as they are (cosine 0.98) and saves most of the time.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import attended
from .sound_frames import SAMPLE_RATE

NAME = "whisper-tiny.en"
WEIGHTS_FILE = "whisper.safetensors"
WIDTH, LAYERS, HEADS, FEED_FORWARD = 384, 4, 6, 1536
LONGEST = 1500  # frames at 50 Hz, 30 s
BANDS, WINDOW, HOP = 80, 400, 160  # of the spectrogram; samples
OUTPUT_WIDTH = (LAYERS + 1) * WIDTH
_FLOOR, _RANGE = 1e-10, 8.0  # power; decades below the loudest that are told apart


class WhisperEncoder(nn.Module):
    """sound (B, 640 T), 16 kHz in -1..1, to (B, T, 1920): what goes into its first layer and what comes out of each, side by side.

    Lower layers still hear the voice, upper ones the words, and whoever reads them learns which to mix. T is 750 at most.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(BANDS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.positions = nn.Parameter(torch.zeros(LONGEST, WIDTH))
        self.layers = nn.ModuleList(WhisperLayer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)

    @property
    def width(self) -> int:
        return OUTPUT_WIDTH

    def hear(self, sound: Tensor) -> Tensor:
        """As `forward`: loudness does not matter to it."""
        return self(sound)

    def forward(self, sound: Tensor) -> Tensor:
        seen = self.layer_outputs(log_mel(sound).to(self.positions.dtype))
        return torch.cat([pairs_averaged(each) for each in seen], dim=-1)

    def layer_outputs(self, mel: Tensor) -> list[Tensor]:
        """mel (B, 80, 2 n) to the five sequences (B, n, 384); the last is normalised, as Whisper's decoder takes it."""
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)
        seen = [x + self.positions[: x.shape[1]]]
        for layer in self.layers:
            seen.append(layer(seen[-1]))
        return [*seen[:-1], self.norm(seen[-1])]


class WhisperLayer(nn.Module):
    """(B, n, 384) to the same; normalised before attention and before the feed-forward network."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.in_proj = nn.Linear(WIDTH, 3 * WIDTH)
        self.out_proj = nn.Linear(WIDTH, WIDTH)
        self.linear1 = nn.Linear(WIDTH, FEED_FORWARD)
        self.linear2 = nn.Linear(FEED_FORWARD, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = self.in_proj(self.norm1(x)).chunk(3, dim=-1)
        x = x + self.out_proj(attended(query, key, value, HEADS))
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


def pairs_averaged(frames: Tensor) -> Tensor:
    """(B, 2 T, C) at 50 Hz to (B, T, C) at 25 Hz."""
    return frames.unflatten(1, (-1, 2)).mean(2)


def log_mel(sound: Tensor) -> Tensor:
    """sound (B, L), L a multiple of 160, to (B, 80, L / 160): Whisper's logarithmic mel spectrogram, about -1..1."""
    window = torch.hann_window(WINDOW, device=sound.device)
    spectrum = torch.stft(sound, WINDOW, HOP, window=window, return_complex=True)[..., :-1]
    power = spectrum.abs().square()
    logarithm = (mel_filters().to(power) @ power).clamp_min(_FLOOR).log10()
    loudest = logarithm.amax(dim=(-2, -1), keepdim=True)
    return (torch.maximum(logarithm, loudest - _RANGE) + 4) / 4


def mel_filters() -> Tensor:
    """(80, 201): triangles of equal area, evenly spaced on Slaney's mel scale from 0 to 8 kHz."""
    edges = _hertz(np.linspace(0.0, _mel(SAMPLE_RATE / 2), BANDS + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, WINDOW // 2 + 1)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return torch.from_numpy(triangles.astype(np.float32))


# Slaney's scale (Auditory Toolbox, 1998): linear up to 1 kHz, which is mel 15, then 27 mel for each factor of 6.4
_BREAK_HERTZ, _BREAK_MEL, _LOG_STEP = 1000.0, 15.0, math.log(6.4) / 27


def _mel(hertz: float) -> float:
    if hertz < _BREAK_HERTZ:
        return hertz * _BREAK_MEL / _BREAK_HERTZ
    return _BREAK_MEL + math.log(hertz / _BREAK_HERTZ) / _LOG_STEP


def _hertz(mel: np.ndarray) -> np.ndarray:
    linear = mel * _BREAK_HERTZ / _BREAK_MEL
    return np.where(mel < _BREAK_MEL, linear, _BREAK_HERTZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)))


def convert(variables: dict[str, Tensor]) -> dict[str, Tensor]:
    """CTranslate2's names of the encoder's variables to ours, as float16. Raises KeyError where one is missing."""
    ours = {"positions": variables["encoder/position_encodings/encodings"]}
    for source, target in _names():
        for theirs, mine in (("gamma", "weight"), ("beta", "bias")) if "norm" in target else (("weight", "weight"), ("bias", "bias")):
            ours[f"{target}.{mine}"] = variables[f"encoder/{source}/{theirs}"]
    return {name: tensor.half().contiguous() for name, tensor in ours.items()}


def _names() -> list[tuple[str, str]]:
    names = [("conv1", "conv1"), ("conv2", "conv2"), ("layer_norm", "norm")]
    for layer in range(LAYERS):
        names += [(f"layer_{layer}/{source}", f"layers.{layer}.{target}") for source, target in _LAYER_NAMES]
    return names


_LAYER_NAMES = (
    ("self_attention/layer_norm", "norm1"),
    ("self_attention/linear_0", "in_proj"),
    ("self_attention/linear_1", "out_proj"),
    ("ffn/layer_norm", "norm2"),
    ("ffn/linear_0", "linear1"),
    ("ffn/linear_1", "linear2"),
)


def load(state: dict[str, Tensor]) -> WhisperEncoder:
    """The frozen encoder from converted weights, in float32."""
    encoder = WhisperEncoder()
    encoder.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    return encoder.eval().requires_grad_(False)
