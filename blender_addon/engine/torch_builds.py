"""What will be fetched: which build of torch fits a machine, where it comes from, how large it is.

PyPI carries for torch 2.13: CUDA 13.0 for Linux, no CUDA for Windows, Metal for Apple silicon. The other builds lie in the index of the
PyTorch project. Drivers and chips that a CUDA needs: NVIDIA's CUDA release notes, and PyTorch's release matrix (pytorch/pytorch#190355).
"""

from __future__ import annotations

from dataclasses import dataclass

from .machine import Machine, NvidiaCard

INDEX = "https://download.pytorch.org/whl"
_OTHERS_MB = 30  # numpy and the small packages


class NoFittingTorch(Exception):
    """A sentence: torch is not made for this machine."""


@dataclass(frozen=True)
class Try:
    """pip's arguments, and sizes in MB: what is fetched, and what it takes on the disk."""

    pip: str
    fetch_mb: int
    disk_mb: int


@dataclass(frozen=True)
class TorchBuild:
    """title: for the panel. tries: places where it may be had, in this order; the last may be another build."""

    title: str
    tries: tuple[Try, ...]
    note: str = ""

    def sentence(self, machine: Machine) -> str:
        """What will happen, before anyone agrees to it."""
        first, last = self.tries[0], self.tries[-1]
        sizes = f"about {_size(first.fetch_mb)} to fetch and {_size(first.disk_mb)} on the disk"
        larger = f" (where pytorch.org cannot be reached, {_size(last.fetch_mb)} and {_size(last.disk_mb)})"
        if last.fetch_mb <= first.fetch_mb:
            larger = ""
        return f"For this machine ({machine.title}): {self.title}, {sizes}{larger}. {self.note}".strip()


@dataclass(frozen=True)
class _Cuda:
    """mark: of the build. The driver (major version, by system) and the chips (capability) that it needs."""

    mark: str
    title: str
    linux_driver: int
    windows_driver: int
    chips: tuple[float, float]

    def fits(self, card: NvidiaCard, system: str) -> bool:
        driver = self.windows_driver if system == "win32" else self.linux_driver
        return card.driver[0] >= driver and (not card.capability or self.chips[0] <= card.capability <= self.chips[1])


_CUDAS = (
    _Cuda("cu130", "PyTorch with CUDA 13.0", 580, 580, (7.5, 12.1)),
    _Cuda("cu126", "PyTorch with CUDA 12.6", 525, 528, (5.0, 9.0)),
)


def fitting_build(machine: Machine, torch: str) -> TorchBuild:
    """torch: the requirement, such as "torch==2.13.0". Raises NoFittingTorch."""
    if machine.system == "darwin" and machine.processor != "arm64":
        raise NoFittingTorch("PyTorch is no longer made for Macs with Intel: name a Python that has an older one in the preferences.")
    if machine.system == "darwin":
        return TorchBuild("PyTorch for Apple silicon", (Try(torch, 111 + _OTHERS_MB, 600),))
    if machine.card is None:
        return _for_the_processor(machine, torch)
    cuda = next((cuda for cuda in _CUDAS if cuda.fits(machine.card, machine.system)), None)
    if cuda is None:
        note = f"No CUDA build fits that card and driver; a driver from {_CUDAS[0].linux_driver} on may help."
        return _for_the_processor(machine, torch, note)
    return _with_cuda(machine, torch, cuda)


def _with_cuda(machine: Machine, torch: str, cuda: _Cuda) -> TorchBuild:
    if machine.system == "win32":  # one large wheel, with CUDA in it
        return TorchBuild(cuda.title, (Try(_own_index(torch, cuda.mark), 2000 + _OTHERS_MB, 5000),))
    default = cuda.mark == "cu130"
    return TorchBuild(cuda.title, (_default_for_linux(torch) if default else Try(_own_index(torch, cuda.mark), 2800, 6000),))


def _for_the_processor(machine: Machine, torch: str, note: str = "") -> TorchBuild:
    """On Linux the default is the CUDA build, which is taken only where the small one cannot be had."""
    own, title = _own_index(torch, "cpu"), "PyTorch for the processor"
    if machine.system == "win32":
        return TorchBuild(title, tuple(Try(pip, 122 + _OTHERS_MB, 700) for pip in (torch, own)), note)
    return TorchBuild(title, (Try(own, 192 + _OTHERS_MB, 900), _default_for_linux(torch)), note)


def _default_for_linux(torch: str) -> Try:
    return Try(torch, 2740 + _OTHERS_MB, 5000)


def _own_index(torch: str, mark: str) -> str:
    return f"{torch}+{mark} --extra-index-url {INDEX}/{mark}"


def _size(megabytes: int) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes} MB"
