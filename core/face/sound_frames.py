"""How many samples make a frame of the face, and what both encoders of sound do with samples first (DEEPTalk).

The two encoders scale the same clip by different formulas, and a quiet one comes out visibly different: see the two epsilons.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SAMPLE_RATE = 16_000  # Hz, mono
FPS = 25.0
SAMPLES_PER_FRAME = 640
FRAMES_PER_BLOCK = 4  # two halvings, by which the top codes are made
CONTENT_EPSILON = 1e-7  # of wav2vec2's variance
EMOTION_EPSILON = 1e-5  # of emotion2vec's
CONV_KERNELS = (10, 3, 3, 3, 3, 2, 2)  # of wav2vec2's and emotion2vec's convolutions alike
CONV_STRIDES = (5, 2, 2, 2, 2, 2, 2)


def padded_frames(n_samples: int) -> int:
    """Frames that the networks make of a clip: the next multiple of four above those in it, so that at least one is added."""
    # The authors' product of floats, because integers would count a block more for a few lengths, such as 4.64 s
    whole = int(n_samples / SAMPLE_RATE * FPS)
    return whole + FRAMES_PER_BLOCK - whole % FRAMES_PER_BLOCK


def heard_frames(n_samples: int) -> int:
    """Frames that begin before a clip's end."""
    return -(-n_samples // SAMPLES_PER_FRAME)


def padded(sound: Tensor) -> Tensor:
    """(B, L) to (B, 640 T) with silence behind, T = padded_frames(L)."""
    n_samples = sound.shape[-1]
    return F.pad(sound, (0, padded_frames(n_samples) * SAMPLES_PER_FRAME - n_samples))


def normalised(sound: Tensor, epsilon: float) -> Tensor:
    """(B, L) to mean 0 and variance 1, each clip by itself; silence stays silent."""
    variance, mean = torch.var_mean(sound, dim=-1, correction=0, keepdim=True)
    return (sound - mean) / torch.sqrt(variance + epsilon)
