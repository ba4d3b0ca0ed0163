"""Networks for inference: on their device, exact where it costs little, and those that run many times a motion in the quickest way."""

from __future__ import annotations

import torch

from .body.pipeline import BodyNetworks
from .packed_layers import pack
from .recorded_calls import RecordedCalls, cuda_recording


def make_ready(networks: BodyNetworks, device: torch.device) -> None:
    """In place: nothing is learned any more, and the token transformers tell their logits from float64."""
    for network in networks.present().values():
        network.to(device).eval().requires_grad_(False)
    for transformer in (networks.tokens, networks.residual):
        if transformer is not None:
            transformer.output_process.double()


def make_quick(networks: BodyNetworks, device: torch.device) -> None:
    """In place, once they are ready. On the CPU they read their weights in the processor's own order from now on."""
    flow = networks.flow.net if networks.flow else None
    for network in (networks.tokens, networks.residual, flow):
        if network is not None and device.type == "cpu":
            pack(network)
        elif network is not None and device.type == "cuda":
            network.forward = RecordedCalls(network.forward, cuda_recording)  # type: ignore[method-assign, assignment]
