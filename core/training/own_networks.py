"""Bundles that were trained here: training and evaluation know only their features."""

from __future__ import annotations

from pathlib import Path

from ..body.features import LocalRotations
from ..body.pipeline import BodyNetworks
from ..checkpoints import BundleCard, load_networks
from ..contract import WeightsError


def load_own_networks(folder: Path) -> tuple[BodyNetworks, LocalRotations, BundleCard]:
    """As `load_networks`. Raises WeightsError for a model of other features, such as an imported one, too."""
    networks, representation, card = load_networks(folder)
    if not isinstance(representation, LocalRotations):
        raise WeightsError(
            f'The model "{card.name}" speaks {card.representation}, but training and evaluation only know local rotations:'
            " choose a model that was trained here."
        )
    return networks, representation, card
