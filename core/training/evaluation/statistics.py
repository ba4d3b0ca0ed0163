"""Figures over seeds, with the interval in which their mean lies."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """mean, and half the width of its 95 % interval: 1.96 standard deviations of the mean over the seeds (Guo et al., CVPR 2022)."""

    mean: float
    interval: float

    @classmethod
    def of(cls, values: list[float]) -> Figure:
        mean = sum(values) / len(values)
        if len(values) < 2:
            return cls(mean, math.nan)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
        return cls(mean, 1.96 * deviation / math.sqrt(len(values)))

    def text(self, digits: int) -> str:
        return f"{self.mean:.{digits}f}" if math.isnan(self.interval) else f"{self.mean:.{digits}f} ± {self.interval:.{digits}f}"
