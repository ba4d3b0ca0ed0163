"""What comes before and after a token, by convolution: few clips do not teach attention that steps follow each other."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

KERNEL = 5  # tokens, 1 s


class LocalContext(nn.Module):
    """What the neighbours of every vector (B, n, width) tell of it; nothing before training, so that a trained network may get one."""

    def __init__(self, width: int, n_blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_Block(width) for _ in range(n_blocks))

    def forward(self, vectors: Tensor, pad: Tensor) -> Tensor:
        """pad: (B, n), True beyond the end of a motion, where everything becomes zero."""
        inside = ~pad[:, None]
        x = vectors = vectors.transpose(1, 2) * inside
        for block in self.blocks:
            x = x + block(x, inside)
        return (x - vectors).transpose(1, 2)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gather = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2)
        self.spread = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2)
        for parameter in self.spread.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, inside: Tensor) -> Tensor:
        return self.spread(F.gelu(self.gather(x)) * inside) * inside
