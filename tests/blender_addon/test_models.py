"""Models are listed with what their licences allow, and nothing that lies in their folders can do harm."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from understudy.blender_addon import models, preferences
from understudy.blender_addon.models import Model, read_models
from understudy.blender_addon.operators import generate
from understudy.blender_addon.settings import UnderstudySettings


def write(folder: Path, name: str, **entries: object) -> None:
    (folder / name).mkdir(parents=True)
    card = {"title": name.title(), "licence": "CC0-1.0", "attribution": ["somebody"], **entries}
    (folder / name / models.CARD_FILE).write_text(json.dumps(card))


@pytest.mark.parametrize(("licence", "sentence"), [
    ("CC BY-NC 4.0", "CC BY-NC 4.0: not for commercial work"), ("CC-BY-NC-SA-4.0", "CC-BY-NC-SA-4.0: not for commercial work"),
    ("CC BY 3.0", "CC BY 3.0: commercial work allowed"), ("CC0-1.0", "CC0-1.0: commercial work allowed"),
    ("research only", "research only"), ("unstated", "unstated"),
])  # fmt: skip
def test_what_a_licence_allows_is_said(licence: str, sentence: str) -> None:
    assert Model("a", "A", licence, ()).permission == sentence


def test_our_own_models_are_known() -> None:
    """One by default, which paid work may not use, and one that it may: nothing of the non-commercial data is in that."""
    known = read_models([models.OWN_FOLDER])
    commercial, starter = known["commercial"], known["starter"]
    assert commercial.permission == "CC BY 3.0: commercial work allowed" and any("ACCAD" in credit for credit in commercial.attribution)
    assert not any("Bandai" in credit for credit in commercial.attribution)
    assert "not for commercial work" in starter.permission and any("ACCAD" in credit for credit in starter.attribution)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"title": "x"}', '{"title": 1, "licence": 2, "attribution": 3}'])
def test_cards_that_cannot_be_read_are_left_out(content: str, tmp_path: Path) -> None:
    write(tmp_path, "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / models.CARD_FILE).write_text(content)
    assert list(read_models([tmp_path, tmp_path / "nowhere"])) == ["good"]


def test_of_two_with_one_name_the_first_folder_has_its_way(tmp_path: Path) -> None:
    write(tmp_path / "one", "same", title="First")
    write(tmp_path / "two", "same", title="Second")
    assert read_models([tmp_path / "one", tmp_path / "two"])["same"].title == "First"


def test_a_changed_folder_changes_the_list_and_its_suggestions(addon: UnderstudySettings, tmp_path: Path) -> None:
    write(tmp_path / "mine", "limping", licence="CC BY 4.0")
    chosen = preferences.current()
    assert chosen is not None
    chosen.models_folder = str(tmp_path / "mine")
    assert {"starter", "limping"} <= set(models.known())
    suggested = preferences._names_of_models(chosen, bpy.context, "LIMP")
    assert suggested == [("limping", "CC BY 4.0: commercial work allowed")]


def test_imported_models_are_known(addon: UnderstudySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "discord-humanml3d", licence="research only: trained on AMASS")
    monkeypatch.setenv("UNDERSTUDY_MODELS", str(tmp_path))
    models.refresh("")
    assert models.known()["discord-humanml3d"].permission == "research only: trained on AMASS"


@pytest.fixture
def users(addon: UnderstudySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, with a model; the preferences name none."""
    chosen = preferences.current()
    assert chosen is not None
    chosen.model = ""
    write(tmp_path, "mine")
    monkeypatch.setenv("UNDERSTUDY_MODELS", str(tmp_path))
    models.refresh("")
    return tmp_path


def test_what_weights_use_chose_is_followed_while_blender_runs(users: Path) -> None:
    assert models.wanted("") == "starter" and generate._model(preferences.current()) == "starter"
    (users / "in_use.txt").write_text("mine\n")
    assert models.wanted("") == "starter"
    assert models.read_choice() and not models.read_choice()
    assert models.wanted("") == models.wanted(" ") == "mine" and models.wanted("commercial") == "commercial"
    shown: list[str] = []
    layout = SimpleNamespace(prop=lambda _owner, _name, placeholder: shown.append(placeholder))
    preferences.draw_model(layout, preferences.current())  # type: ignore[arg-type]
    assert shown == ["Automatic: mine"]


def test_a_choice_is_followed_at_once_by_generate(users: Path) -> None:
    (users / "in_use.txt").write_text("mine")
    assert generate._model(preferences.current()) == "mine"


@pytest.mark.parametrize("content", [b"gone", b"", b"../mine", b"\xff\xfe", b"x" * 5000])
def test_a_choice_that_is_none_is_the_starter(content: bytes, users: Path) -> None:
    (users / "in_use.txt").write_bytes(content)
    models.read_choice()
    assert models.wanted("") == "starter"


def test_enabling_reads_nothing_and_disabling_forgets(addon: UnderstudySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    preferences.unregister()
    assert not models.known()
    monkeypatch.setattr(models, "read_models", lambda folders: pytest.fail("the disk was read"))
    preferences.register()
    assert bpy.app.timers.is_registered(preferences._read_models)
