"""Makes the repository importable as the package `understudy`, laid out as in the built zip, and a tiny model for every test."""

from __future__ import annotations

import os
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from understudy.core.checkpoints import BodyConfigs

REPO = Path(__file__).resolve().parents[1]
TINY = "tiny"
# Worker processes that the tests start inherit it: the suite is measured on one core
os.environ.setdefault("OMP_NUM_THREADS", "1")

if "understudy" not in sys.modules:
    _package = types.ModuleType("understudy")
    _package.__path__ = [str(REPO)]
    sys.modules["understudy"] = _package


@pytest.fixture(scope="session")
def tiny_configs() -> BodyConfigs:
    """The shape of our own models at a thousandth of their size."""
    from understudy.core.body.flow_decoder import FlowDecoderConfig
    from understudy.core.body.motion_length import LengthConfig
    from understudy.core.body.motion_tokens import TokenizerConfig
    from understudy.core.body.token_transformer import TokenTransformerConfig
    from understudy.core.checkpoints import BodyConfigs

    transformer = TokenTransformerConfig(
        n_codes=32, code_dim=16, width=16, n_layers=2, n_heads=2, feed_forward=32, text_width=384, word_width=384
    )
    return BodyConfigs(
        tokenizer=TokenizerConfig(n_features=161, width=16, code_dim=16, n_codes=32),
        tokens=transformer,
        residual=transformer,
        flow=FlowDecoderConfig(n_features=161, code_dim=16, width=16, condition_width=8),
        length=LengthConfig(text_width=384, hidden=(32, 16, 16)),
    )


@pytest.fixture(scope="session")
def written_bundle(tmp_path_factory: pytest.TempPathFactory, tiny_configs: BodyConfigs) -> Path:
    """Folder of a seeded random model as training writes it. Only reading its card needs no sentence encoder."""
    import torch
    from understudy.core.body import minilm
    from understudy.core.body.features import LocalRotations
    from understudy.core.checkpoints import FORMAT, REPRESENTATION, BundleCard, build_networks, save_bundle

    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        networks = build_networks(tiny_configs)
        for book in networks.tokenizer.quantizer.books:
            book.codebook.normal_()
        mean = torch.zeros(161)
        mean[3], mean[4:136] = 0.94, torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(22)
        representation = LocalRotations(mean, torch.full((161,), 0.1))
    folder = tmp_path_factory.mktemp("models") / TINY
    card = BundleCard(FORMAT, TINY, "Tiny", "CC0-1.0", ("nobody",), minilm.NAME, REPRESENTATION, True, 4.0, 5.0, tiny_configs)
    save_bundle(folder, card, networks, representation)
    return folder


@pytest.fixture
def bundle_copy(written_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may damage."""
    return Path(shutil.copytree(written_bundle, tmp_path / "models" / TINY))


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """Skips where the sentence encoder's files have not been fetched."""
    folder = REPO / "weights" / "minilm"
    if not (folder / "minilm.safetensors").is_file() or not (folder / "vocab.txt").is_file():
        pytest.skip("weights/minilm is missing: `python build_addon.py build` fetches it")
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(written_bundle: Path, minilm_folder: Path) -> Path:
    """Folder of the tiny model, which can be loaded and generates in a blink; its parent is a folder of models."""
    return written_bundle


@pytest.fixture
def executable(tmp_path: Path) -> Callable[[str], Path]:
    """Python source to a program of its own that can stand where an interpreter is expected."""

    def write(source: str) -> Path:
        path = tmp_path / f"program_{len(list(tmp_path.glob('program_*')))}"
        path.write_text(f"#!{sys.executable}\n{source}", encoding="utf-8")
        path.chmod(0o755)
        return path

    return write
