"""Is CLIP's vocabulary taken out of its package as it is, and nothing out of another file?"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from understudy.core.__main__ import main

MEMBER, FILE = "openai-clip-1.0.1/clip/bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt.gz"


def write_package(path: Path, member: str) -> None:
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo(member)
        entry.size = 6
        archive.addfile(entry, io.BytesIO(b"merges"))


def test_the_file_is_taken_out_unchanged(tmp_path: Path) -> None:
    write_package(tmp_path / "clip.tar.gz", MEMBER)
    assert main(["convert-clip", str(tmp_path / "clip.tar.gz"), str(tmp_path / "weights" / "clip")]) == 0
    assert [path.name for path in (tmp_path / "weights" / "clip").iterdir()] == [FILE]
    assert (tmp_path / "weights" / "clip" / FILE).read_bytes() == b"merges"


@pytest.mark.parametrize("content", ["missing", "empty", "no archive", "another archive", "cut off"])
def test_another_file_is_named(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = tmp_path / "other.tar.gz"
    if content in ("another archive", "cut off"):
        write_package(package, MEMBER if content == "cut off" else "clip/else.gz")
    if content == "cut off":
        package.write_bytes(package.read_bytes()[:60])
    elif content in ("empty", "no archive"):
        package.write_bytes(b"" if content == "empty" else b"no archive at all" * 100)
    assert main(["convert-clip", str(package), str(tmp_path / "clip")]) == 1
    assert "other.tar.gz does not hold CLIP's merges" in capsys.readouterr().err
    assert not (tmp_path / "clip").exists()
