"""Progress from inside a window: one pass over a long clip may take a minute, in which it has to be seen and can be cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

Report = Callable[[int, int], None]


class LayerProgress:
    """Layers of all windows that were begun, of those that there are; several emotions or variations of a window add none to them."""

    def __init__(self, n_layers: int, n_windows: int, report: Report) -> None:
        self._n_layers, self._n_windows, self._report = n_layers, n_windows, report
        self._window = self._layer = 0

    def begin(self, window: int) -> None:
        self._window, self._layer = window, 0
        self.alive()

    def layer(self) -> None:
        """One more of this window begins."""
        self._layer = min(self._layer + 1, self._n_layers - 1)
        self.alive()

    def alive(self) -> None:
        """Whatever the report raises passes through."""
        self._report(self._window * self._n_layers + self._layer, self._n_windows * self._n_layers)


@contextmanager
def layer_progress(networks: list[nn.Module], n_windows: int, report: Report) -> Iterator[LayerProgress]:
    """Counts the layers of networks that go through each window, as long as it is entered."""
    layers = [layer for network in networks for layer in _layers(network)]
    progress = LayerProgress(max(len(layers), 1), n_windows, report)
    hooks = [layer.register_forward_pre_hook(lambda *_: progress.layer()) for layer in layers]
    try:
        yield progress
    finally:
        for hook in hooks:
            hook.remove()


def _layers(network: nn.Module) -> list[nn.Module]:
    # Convolutions are weights to a function of its own, and are never called
    lists = [module for name, module in network.named_modules() if isinstance(module, nn.ModuleList) and not name.endswith("conv_layers")]
    return [layer for each in lists for layer in each if not isinstance(layer, nn.ModuleList)]
