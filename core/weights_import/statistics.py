"""Mean and standard deviation that the published networks see motion through: the tokenizer's own, and no other pair.

The data set has a pair of its own, in files of nearly the same name and of the same shape. With it the root hardly moves or flies off.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import torch
from torch import Tensor

from ..body.humanml3d import FeatureLayout
from ..contract import WeightsError
from .downloads import STATISTICS_ENDING, Download
from .shown import shown

_MOST_BYTES = 1 << 20
# Contacts are 0 or 1, so their standard deviation is at most 0.5. The tokenizer's files have it divided by 25, by which its loss gives
# contacts weight: 0.014, where the data set's has 0.36 and the evaluator's, which is divided once by 5, 0.07
_LARGEST_CONTACT_STD = 0.03
_WHERE = "meta/mean.npy and meta/std.npy in the RVQ-VAE's own folder (rvq_.../meta of MoMask; meta/ of DisCoRD)"


@dataclass(frozen=True)
class Statistics:
    """(D,) each, float32, and the files that they are from."""

    mean: Tensor
    std: Tensor
    downloads: tuple[Download, Download]


def find_statistics(downloads: list[Download], tokenizer: Download, layout: FeatureLayout) -> Statistics:
    """The tokenizer's pair among all .npy files. Raises WeightsError where there is none, or several that differ."""
    pairs = [pair for pair in (_read(mean, std, layout) for mean, std in _pairs(downloads)) if pair]
    own = str(PurePosixPath(tokenizer.folder).parent / "meta")
    pairs = [pair for pair in pairs if pair.downloads[0].folder == own] or pairs
    if not pairs:
        raise WeightsError(f"Mean and standard deviation ({layout.n_features} numbers each) are missing: add {_WHERE}.")
    usable = [pair for pair in pairs if _contact_std(pair, layout) <= _LARGEST_CONTACT_STD]
    if not usable:
        found = ", ".join(pair.downloads[1].place for pair in pairs)
        raise WeightsError(f"{found} is of the data set {layout.name}, not of the networks, which would not move with it: add {_WHERE}.")
    if any(not (torch.equal(pair.mean, usable[0].mean) and torch.equal(pair.std, usable[0].std)) for pair in usable[1:]):
        found = " and ".join(pair.downloads[0].folder for pair in usable)
        raise WeightsError(f"There are several means and standard deviations, which differ ({found}): give only {_WHERE}.")
    return usable[0]


def _pairs(downloads: list[Download]) -> list[tuple[Download, Download]]:
    """Files of one folder that are called alike but for "mean" and "std"."""
    found = {(each.folder, PurePosixPath(each.place).name): each for each in downloads if each.ending == STATISTICS_ENDING}
    others = {(folder, name): (folder, _name_of_std(name)) for folder, name in found}
    return [(mean, found[others[key]]) for key, mean in found.items() if others[key] in found]


def _name_of_std(name: str) -> str:
    other = name.replace("mean", "std").replace("Mean", "Std")
    return other if other != name else ""


def _read(mean: Download, std: Download, layout: FeatureLayout) -> Statistics | None:
    """None for a pair that has another number of features."""
    arrays = [_array(each) for each in (mean, std)]
    if any(array.shape != (layout.n_features,) for array in arrays):
        return None
    for array, download in zip(arrays, (mean, std), strict=True):
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise WeightsError(f"{download.place} holds values that are not finite numbers: download it again.")
    if not (arrays[1] > 0).all():
        raise WeightsError(f"{std.place} holds {(arrays[1] <= 0).sum()} numbers that nothing can be divided by: download it again.")
    values = [torch.from_numpy(array.astype(np.float32)) for array in arrays]
    return Statistics(values[0], values[1], (mean, std))


def _array(download: Download) -> np.ndarray:
    data = download.read()
    if len(data) > _MOST_BYTES:
        return np.zeros(0)
    try:
        return np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # NumPy reads the head of the file with Python's own parser, which has errors of its own
        raise WeightsError(f"{download.place} is not an array of numbers ({shown(error)}): download it again.") from error


def _contact_std(pair: Statistics, layout: FeatureLayout) -> float:
    return float(pair.std[layout.groups["contacts"]].mean())
