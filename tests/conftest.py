"""Makes the repository importable as the package `understudy`, laid out as in the built zip, and a tiny model for every test."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tiny_face_model import FACE_NAME, write_tiny_face
from tiny_model import NAME, REPO, make_package_importable, tiny_body_configs, write_tiny_model

if TYPE_CHECKING:
    from understudy.core.checkpoints import BodyConfigs

STATUS = pytest.StashKey[int]()
# Worker processes that the tests start inherit it: the suite is measured on one core
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No test sees what was imported on this machine, nor adds to it
os.environ["UNDERSTUDY_MODELS"] = str(Path(tempfile.gettempdir(), f"understudy-no-models-{os.getpid()}"))

make_package_importable()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends here where bpy was used: see blender_addon/process_end.py."""
    if "bpy" in sys.modules:
        from understudy.blender_addon.process_end import end_process

        end_process(int(config.stash.get(STATUS, 0)))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[STATUS] = int(exitstatus)


@pytest.fixture(scope="session")
def tiny_configs() -> BodyConfigs:
    """The shape of our own models at a thousandth of their size."""
    return tiny_body_configs()


@pytest.fixture(scope="session")
def written_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a seeded random model as training writes it. Only reading its card needs no sentence encoder."""
    import torch

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("models") / NAME
    write_tiny_model(folder)
    return folder


@pytest.fixture
def bundle_copy(written_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may damage."""
    return Path(shutil.copytree(written_bundle, tmp_path / "models" / NAME))


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """Skips where the sentence encoder's files have not been fetched."""
    folder = REPO / "weights" / "minilm"
    if not (folder / "minilm.safetensors").is_file() or not (folder / "vocab.txt").is_file():
        pytest.skip("weights/minilm is missing: `python build_addon.py build` fetches it")
    return folder


@pytest.fixture(scope="session")
def clip_merges() -> Path:
    """Skips where CLIP's vocabulary has not been fetched."""
    path = REPO / "weights" / "clip" / "bpe_simple_vocab_16e6.txt.gz"
    if not path.is_file():
        pytest.skip("weights/clip is without its vocabulary: `python build_addon.py build` fetches it")
    return path


@pytest.fixture(scope="session")
def tiny_bundle(written_bundle: Path, minilm_folder: Path) -> Path:
    """Folder of the tiny model, which can be loaded and generates in a blink; its parent is a folder of models."""
    return written_bundle


@pytest.fixture(scope="session")
def tiny_face_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a seeded random face model on the default head's shapes, which knows emotions by name; its parent is a folder of models."""
    folder = tmp_path_factory.mktemp("face models") / FACE_NAME
    write_tiny_face(folder)
    return folder


@pytest.fixture
def executable(tmp_path: Path) -> Callable[[str], Path]:
    """Python source to a program of its own that can stand where an interpreter is expected."""

    def write(source: str) -> Path:
        path = tmp_path / f"program_{len(list(tmp_path.glob('program_*')))}"
        path.write_text(f"#!{sys.executable}\n{source}", encoding="utf-8")
        path.chmod(0o755)
        return path

    return write
