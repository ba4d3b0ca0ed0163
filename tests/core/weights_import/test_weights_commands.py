"""Do `weights import`, `list`, `use` and `remove` work from a command line, and end every fault with one sentence and exit code 1?"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from understudy.core.__main__ import main
from understudy.core.body.clip_text import ClipTextConfig
from understudy.core.contract import BodyMotion
from understudy.core.model_in_use import model_in_use
from understudy.core.weights_import import importing
from understudy.core.weights_import.importing import Imported
from understudy.core.weights_import.published import PUBLISHED
from understudy.core.weights_import.recognition import Role
from understudy.tests.core.weights_import.published_files import FLOW, LENGTH, TINY, Published, random_states

Importer = Callable[..., Imported]
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def users_folder(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_MODELS", str(models))


@pytest.fixture
def tiny_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "PublishedSizes", lambda: TINY)


def test_import_list_generate_remove(
    published: Published, models: Path, clip_merges: Path, tiny_sizes: None, tmp_path: Path, capsys: Captured
) -> None:
    published.write_all()
    assert main(["weights", "import", str(published.folder), "--name", "mine"]) == 0
    said = capsys.readouterr().out
    assert f"used      humanml3d/{FLOW}\n" in said and f"{models / 'mine'}: imported in " in said
    assert main(["weights", "list"]) == 0
    said = capsys.readouterr().out
    assert "starter" in said and re.search(r"mine  \d MB  research only", said) and f"    {models / 'clip-vit-b32'}\n" in said
    out = tmp_path / "walk.npz"
    arguments = ["--text", "a person walks", "--seconds", "1", "--quality", "draft", "--device", "cpu", "--out", str(out)]
    assert main(["body", "--model", "mine", *arguments]) == 0 and out.is_file()
    assert main(["weights", "remove", "mine"]) == 0
    assert [path.name for path in models.iterdir()] == ["clip-vit-b32"]
    assert main(["weights", "remove", "clip-vit-b32"]) == 0
    assert not any(models.iterdir())


def test_the_model_in_use_is_taken_where_none_is_named(
    published: Published, models: Path, clip_merges: Path, tiny_sizes: None, tmp_path: Path, capsys: Captured
) -> None:
    published.write_all()
    assert main(["weights", "import", str(published.folder), "--name", "mine"]) == 0
    assert main(["weights", "use", "mine"]) == 0
    assert main(["weights", "list"]) == 0
    assert re.findall(r"^(\S+)  .*\(in use\)$", capsys.readouterr().out, re.MULTILINE) == ["mine"]
    out = tmp_path / "walk.npz"
    arguments = ["--text", "a person walks", "--seconds", "1", "--quality", "draft", "--device", "cpu", "--out", str(out)]
    assert main(["body", *arguments]) == 0 and BodyMotion.load(out).recipe.model == "mine"
    assert main(["weights", "use", "nobody"]) == 1 and 'no model "nobody"' in capsys.readouterr().err
    assert main(["weights", "remove", "mine"]) == 0
    assert model_in_use() == "starter"


@pytest.mark.parametrize("content", [b"", b"../mine", b"..", b"\xff\xfe", b"x" * 5000])
def test_a_choice_that_is_none_is_the_starter(content: bytes, models: Path) -> None:
    models.mkdir(exist_ok=True)
    (models / "in_use.txt").write_bytes(content)
    assert model_in_use() == "starter"


def test_a_folder_of_ones_own(published: Published, clip_merges: Path, tiny_sizes: None, tmp_path: Path, models: Path) -> None:
    published.write_all()
    assert main(["weights", "import", str(published.folder), "--folder", str(tmp_path / "other")]) == 0
    assert (tmp_path / "other" / "discord-humanml3d" / "bundle.json").is_file() and not models.exists()


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["import", "nowhere.zip"], "no file or folder nowhere.zip"), (["remove", "starter"], 'no "starter"'), (["remove", "../x"], 'no "../x"'),
    (["remove", ""], 'no ""'), (["remove", "clip-vit-b32"], "discord-humanml3d read prompts with clip-vit-b32"),
    (["import", "."], "already: choose Replace"),
])  # fmt: skip
def test_faults_end_with_one_sentence(
    arguments: list[str], sentence: str, published: Published, run_import: Importer, tiny_sizes: None, models: Path,
    capsys: Captured, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    published.write_all()
    run_import(published.folder)
    before = sorted(models.rglob("*"))
    monkeypatch.chdir(published.folder)
    assert main(["weights", *arguments]) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("Reading ")]
    assert len(said) == 1 and said[0].startswith("understudy: ") and sentence in said[0] and said[0].endswith(".")
    assert sorted(models.rglob("*")) == before


def test_a_model_without_its_text_encoder_says_how_to_get_it(
    published: Published, run_import: Importer, models: Path, tmp_path: Path, capsys: Captured
) -> None:
    published.write_all()
    run_import(published.folder)
    for file in (models / "clip-vit-b32").iterdir():
        file.unlink()
    assert main(["body", "--model", "discord-humanml3d", "--text", "walks", "--device", "cpu", "--out", str(tmp_path / "a.npz")]) == 1
    assert "CLIP's text encoder is missing" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("damage", ["cut", "flip", "card"])
def test_a_damaged_text_encoder_says_how_to_get_it_again(
    damage: str, published: Published, run_import: Importer, models: Path, tmp_path: Path, capsys: Captured
) -> None:
    published.write_all()
    run_import(published.folder)
    file = models / "clip-vit-b32" / ("encoder.json" if damage == "card" else "model.safetensors")
    content = file.read_bytes()
    file.write_bytes(content[:100] if damage != "flip" else content[:-1] + bytes([content[-1] ^ 1]))
    assert main(["body", "--model", "discord-humanml3d", "--text", "walks", "--device", "cpu", "--out", str(tmp_path / "a.npz")]) == 1
    assert "import it in the preferences, or with `python -m core weights import`" in capsys.readouterr().err.splitlines()[-1]
    assert main(["weights", "list"]) == 0


def test_files_of_the_published_size_are_recognised_and_imported(
    published: Published, models: Path, clip_merges: Path, tmp_path: Path, capsys: Captured
) -> None:
    """The whole size, once: 67 million numbers in the decoder, 63 in CLIP's text tower."""
    published.parts, published.clip = random_states(PUBLISHED, ClipTextConfig())
    published.clip_config = ClipTextConfig()
    published.write_all()
    assert main(["weights", "import", str(published.folder)]) == 0
    sizes = {path.parent.name: path.stat().st_size for path in models.glob("*/model.safetensors")}
    assert 450e6 < sizes["discord-humanml3d"] < 460e6 and 126e6 < sizes["clip-vit-b32"] < 128e6
    out = tmp_path / "walk.npz"
    arguments = ["--text", "a person walks", "--seconds", "0.6", "--quality", "draft", "--device", "cpu", "--out", str(out)]
    assert main(["body", "--model", "discord-humanml3d", *arguments]) == 0 and out.is_file()
    for folder in (published.folder, models):  # pytest would keep 1.3 GB of three runs
        shutil.rmtree(folder)


def test_tiny_files_are_not_the_published_ones(published: Published, models: Path, capsys: Captured) -> None:
    published.write_all()
    for name, role in ((FLOW, Role.FLOW), (LENGTH, Role.LENGTH)):
        assert main(["weights", "import", str(published.folder / name)]) == 1
        said = capsys.readouterr().err.splitlines()[-1]
        assert f"is not {role.title} as it was published" in said and " instead of (" in said
    assert not models.exists()
