"""The networks that run many times a motion, each on its device in the quickest way at equal results."""

from __future__ import annotations

import torch

from .body.pipeline import BodyNetworks
from .packed_layers import pack
from .recorded_calls import RecordedCalls, cuda_recording


def make_quick(networks: BodyNetworks, device: torch.device) -> None:
    """In place, once they are where they stay. On the CPU they read their weights in the processor's own order from now on."""
    flow = networks.flow.net if networks.flow else None
    for network in (networks.tokens, networks.residual, flow):
        if network is not None and device.type == "cpu":
            pack(network)
        elif network is not None and device.type == "cuda":
            network.forward = RecordedCalls(network.forward, cuda_recording)  # type: ignore[method-assign, assignment]
