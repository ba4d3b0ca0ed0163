"""Sound that need not lie in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import numpy as np

SAMPLE_RATE = 16_000  # Hz, of the speech and emotion encoders
SAMPLE_BYTES = 4
_SAMPLES_AT_ONCE = 1 << 20


class Sound:
    """One channel (S,) at SAMPLE_RATE, float32 in about -1..1, sliced like an array; a long one lies in a file that goes with it."""

    def __init__(self, file: IO[bytes], n_samples: int) -> None:
        self._file, self._n_samples = file, n_samples

    def __len__(self) -> int:
        return self._n_samples

    @property
    def seconds(self) -> float:
        return self._n_samples / SAMPLE_RATE

    def __getitem__(self, part: slice) -> np.ndarray:
        """(stop - start,), read now. Mapped into memory instead, every page that was ever looked at would stay."""
        start, stop, _ = part.indices(self._n_samples)
        self._file.seek(start * SAMPLE_BYTES)
        return np.frombuffer(self._file.read(max(stop - start, 0) * SAMPLE_BYTES), np.float32)

    def blocks(self) -> Iterator[np.ndarray]:
        """All of it, in order."""
        for start in range(0, self._n_samples, _SAMPLES_AT_ONCE):
            yield self[start : start + _SAMPLES_AT_ONCE]
