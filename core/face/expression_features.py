"""What a face shows, frame by frame: the hidden layers of a classifier of FLAME expressions (DEEPTalk's FER, trained on AffectNet).

Its batch normalisations and last layers only serve the classifier; the emotion embedding was trained on these features without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class ExpressionFeaturesConfig:
    """Defaults are the published configuration. widths: of every layer's output; the last is that of the features."""

    n_inputs: int = 53
    widths: tuple[int, ...] = (256, 512, 1024, 512, 256, 128)


PUBLISHED = ExpressionFeaturesConfig()


class ExpressionFeatures(nn.Module):
    """FLAME coefficients (B, T, 53), expression before jaw, to features (B, T, 128). Parameter names are those of FER.pth."""

    def __init__(self, config: ExpressionFeaturesConfig) -> None:
        super().__init__()
        self.config = config
        self.in_fc = nn.Linear(config.n_inputs, config.widths[0])
        self.hidden_layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(config.widths))

    def forward(self, motion: Tensor) -> Tensor:
        x = self.in_fc(motion)
        for layer in self.hidden_layers:
            x = layer(F.leaky_relu(x))
        return x
