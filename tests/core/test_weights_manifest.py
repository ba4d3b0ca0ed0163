"""Does the list of weights tell a good file from a missing, short or changed one, and is the list itself in order?"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from understudy.core.contract import WeightsError
from understudy.core.weights_manifest import WEIGHTS_FOLDER, check_file, file_sha256, listed_files, verified

CONTENT = b"twelve bytes"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    row = f'{{ path = "a/weights.bin", bytes = {len(CONTENT)}, sha256 = "{SHA256}" }}'
    (tmp_path / "manifest.toml").write_text(f"[thing]\nfiles = [{row}]\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "weights.bin").write_bytes(CONTENT)
    return tmp_path


def test_a_good_file_is_given_by_its_full_path(folder: Path) -> None:
    assert verified("a/weights.bin", folder) == folder / "a" / "weights.bin"
    assert file_sha256(folder / "a" / "weights.bin") == SHA256


@pytest.mark.parametrize("path", ["a/other.bin", "", "../manifest.toml", "weights.bin", "a\\weights.bin", "manifest.toml"])
def test_only_listed_files_are_given(path: str, folder: Path) -> None:
    with pytest.raises(WeightsError, match=r"not in the list of weights: install"):
        verified(path, folder)


@pytest.mark.parametrize(("content", "why"), [
    (None, "missing"), (b"", "0 bytes instead of 12"), (CONTENT[:-1], "11 bytes instead of 12"), (CONTENT + b"!", "13 bytes"), (b"Twelve bytes", "sha256"),
])  # fmt: skip
def test_a_bad_file_is_named_with_what_to_do(content: bytes | None, why: str, folder: Path) -> None:
    path = folder / "a" / "weights.bin"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    for check in (lambda: verified("a/weights.bin", folder), lambda: check_file(path, len(CONTENT), SHA256)):
        with pytest.raises(WeightsError, match=rf"weights\.bin .*{why}.* (install|run build_addon)"):
            check()


def test_a_folder_is_not_a_file(folder: Path) -> None:
    (folder / "a" / "weights.bin").unlink()
    (folder / "a" / "weights.bin").mkdir()
    with pytest.raises(WeightsError, match="missing"):
        verified("a/weights.bin", folder)


@pytest.mark.parametrize("content", [
    b"[", b"\xff\xfe\x00", b"x = 1", b"[thing]", b"[thing]\nfiles = 3", b"[thing]\nfiles = [1]", b'[thing]\nfiles = [{path = "a"}]', b"[thing]\nfiles = [[1]]",
])  # fmt: skip
def test_a_list_that_cannot_be_read(content: bytes, folder: Path) -> None:
    (folder / "manifest.toml").write_bytes(content)
    with pytest.raises(WeightsError, match=r"manifest\.toml cannot be read .*: install"):
        listed_files(folder)


def test_a_list_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"manifest\.toml cannot be read"):
        listed_files(tmp_path)


def test_our_own_list_names_the_licence_and_origin_of_everything() -> None:
    import tomllib

    with (WEIGHTS_FOLDER / "manifest.toml").open("rb") as file:
        entries = tomllib.load(file)
    assert all({"title", "licence", "source", "files"} <= entry.keys() for entry in entries.values())
    files = listed_files()
    assert all(
        len(file.sha256) == 64 and file.bytes > 0 and not Path(file.path).is_absolute() and ".." not in file.path for file in files.values()
    )


@pytest.mark.parametrize("path", sorted(listed_files()))
def test_our_own_files_are_the_listed_ones(path: str) -> None:
    if not (WEIGHTS_FOLDER / path).is_file():
        pytest.skip(f"weights/{path} has not been fetched")
    assert verified(path).is_file()
