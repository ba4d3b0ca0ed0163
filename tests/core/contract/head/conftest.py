"""Random heads in FLAME's layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.core.contract.head import HeadModel, read_head
from understudy.tests.core.contract.head.flame_files import random_fields, write


@pytest.fixture(scope="session")
def head(tmp_path_factory: pytest.TempPathFactory) -> HeadModel:
    folder: Path = tmp_path_factory.mktemp("heads")
    return read_head(write(folder, random_fields(), "head.npz"))
