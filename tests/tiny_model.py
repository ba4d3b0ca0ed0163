"""A seeded random model of a thousandth of the usual size. `PYTHON tests/tiny_model.py FOLDER` writes it with the engine's Python."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.core.checkpoints import BodyConfigs

REPO = Path(__file__).resolve().parents[1]
NAME = "tiny"


def make_package_importable() -> None:
    """`import understudy` finds this checkout, laid out as in the built zip."""
    if "understudy" not in sys.modules:
        package = types.ModuleType("understudy")
        package.__path__ = [str(REPO)]
        sys.modules["understudy"] = package


def tiny_body_configs() -> BodyConfigs:
    from understudy.core.body.flow_decoder import FlowDecoderConfig
    from understudy.core.body.motion_length import LengthConfig
    from understudy.core.body.motion_tokens import TokenizerConfig
    from understudy.core.body.token_matcher import MatcherConfig
    from understudy.core.body.token_transformer import TokenTransformerConfig
    from understudy.core.checkpoints import BodyConfigs

    transformer = TokenTransformerConfig(
        n_codes=32, code_dim=16, width=16, n_layers=2, n_heads=2, feed_forward=32, text_width=384, word_width=384
    )
    return BodyConfigs(
        tokenizer=TokenizerConfig(n_features=161, width=16, code_dim=16, n_codes=32),
        tokens=transformer,
        residual=transformer,
        flow=FlowDecoderConfig(n_features=161, code_dim=16, width=16, condition_width=8, predicts_motion=True, refines=True),
        length=LengthConfig(text_width=384, hidden=(32, 16, 16)),
        matcher=MatcherConfig(n_codes=32, width=16, n_layers=1, n_heads=2, feed_forward=32, vector=8),
    )


def write_tiny_model(folder: Path) -> None:
    """A bundle as training writes it, whose poses stay near the rest pose."""
    import torch

    from understudy.core.body import minilm
    from understudy.core.body.features import LocalRotations
    from understudy.core.body.representations import LOCAL_ROTATIONS
    from understudy.core.checkpoints import FORMAT, BundleCard, build_networks, save_bundle

    configs = tiny_body_configs()
    with torch.random.fork_rng():
        torch.manual_seed(7)
        networks = build_networks(configs)
        for book in networks.tokenizer.quantizer.books:
            book.codebook.normal_()
    mean = torch.zeros(161)
    mean[3], mean[4:136] = 0.94, torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(22)
    representation = LocalRotations(mean, torch.full((161,), 0.1))
    card = BundleCard(FORMAT, NAME, "Tiny", "CC0-1.0", ("nobody",), minilm.NAME, LOCAL_ROTATIONS, True, 4.0, 5.0, 0.1, configs, candidates=2)
    save_bundle(folder, card, networks, representation)


if __name__ == "__main__":
    make_package_importable()
    write_tiny_model(Path(sys.argv[1]))
