"""Do DEEPTalk's published files become one bundle that speaks as their networks do, and is everything else refused with a reason?"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from understudy.core.__main__ import main
from understudy.core.bundle_weights import weight_shapes
from understudy.core.contract import WeightsError
from understudy.core.face.speech_to_face import Delivery, emotion_of_sound, face_of_speech
from understudy.core.face_bundles import build_face_networks, face_parts, load_face_networks, read_face_card
from understudy.core.weights_import import importing
from understudy.core.weights_import.importing import Imported, Order, import_weights
from understudy.core.weights_import.published_face import ACTORS, PUBLISHED_FACE, face_tensors
from understudy.core.weights_manifest import file_sha256
from understudy.tests.core.weights_import.published_face_files import (
    CONV,
    DEE,
    DEEPTALK,
    FER,
    TH_VQVAE,
    TINY_FACE,
    PublishedFace,
    random_parts,
)
from understudy.tests.core.weights_import.published_files import FLOW, TINY, Published

CPU = torch.device("cpu")
KEYS = Path(__file__).parents[1] / "face" / "keys"
SIZES = replace(TINY, face=TINY_FACE)
Importer = Callable[..., Imported]
Refused = Callable[..., str]


@pytest.fixture
def face(tmp_path: Path) -> PublishedFace:
    """Nothing is written yet."""
    parts = random_parts()
    v = torch.randn(parts["speech"][f"{CONV}weight"].shape, generator=torch.Generator().manual_seed(1))
    return PublishedFace(tmp_path / "deeptalk", parts, torch.linspace(0.5, 2.0, v.shape[2])[None, None], v)


@pytest.fixture
def run_import(models: Path) -> Importer:
    def run(*paths: Path, name: str = "", replaces: bool = False) -> Imported:
        return import_weights(Order(paths, models, name, replaces), lambda *_: None, SIZES)

    return run


@pytest.fixture
def refused(run_import: Importer, models: Path, face: PublishedFace) -> Refused:
    """The sentence of a refused import, which names these things and leaves nothing behind."""

    def run(*named: str) -> str:
        with pytest.raises(WeightsError) as caught:
            run_import(face.folder)
        text = str(caught.value)
        assert text.endswith(".") and "\n" not in text and len(text) < 700, text
        assert [name for name in named if name not in text] == [], text
        assert not models.exists() or not any(models.iterdir())
        return text

    return run


def check_bundle(folder: Path, face: PublishedFace, reads_faces: bool) -> None:
    """Every number is the one that was published."""
    stored, expected = load_file(folder / "model.safetensors"), face.expected(reads_faces)
    assert stored.keys() == expected.keys()
    folded = f"speech.{CONV}weight"
    assert [name for name, tensor in expected.items() if name != folded and not torch.equal(stored[name].float(), tensor)] == []
    torch.testing.assert_close(stored[folded].double(), face.weight, atol=1e-6, rtol=0)


def test_all_four_files(face: PublishedFace, run_import: Importer, models: Path) -> None:
    face.write_all()
    done = run_import(face.folder)
    assert done.folders == (models / "deeptalk",) and [path.name for path in models.iterdir()] == ["deeptalk"]
    assert set(done.used) == {f"deeptalk/{DEEPTALK}", f"deeptalk/{FER}"}
    assert set(done.left_out) == {f"deeptalk/{DEE}", f"deeptalk/{TH_VQVAE}"}
    check_bundle(models / "deeptalk", face, reads_faces=True)


def test_one_file_is_a_whole_model_that_reads_no_faces(face: PublishedFace, run_import: Importer, models: Path) -> None:
    run_import(face.save(DEEPTALK, face.deeptalk()))
    check_bundle(models / "deeptalk", face, reads_faces=False)
    networks, card = load_face_networks(models / "deeptalk", CPU)
    assert networks.features is None and networks.emotion.exp_encoder is None
    assert card.networks.features is None and card.networks.emotion.expression is None


@pytest.mark.parametrize("names", [("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1")])
@pytest.mark.parametrize("wrapper", ["", "state_dict"])
def test_names_of_both_times_of_torch_and_a_wrapper(
    names: tuple[str, str], wrapper: str, face: PublishedFace, run_import: Importer, models: Path
) -> None:
    state = face.deeptalk(names)
    run_import(face.save("anything.bin", {wrapper: state} if wrapper else state))
    check_bundle(models / "deeptalk", face, reads_faces=False)


def test_the_folded_weight_is_torchs_own() -> None:
    conv = nn.utils.parametrizations.weight_norm(nn.Conv1d(12, 12, 8, groups=2), dim=2)
    with torch.no_grad():
        conv.parametrizations.weight.original0.uniform_(0.5, 2)
    state = {f"audio_model.model.{CONV}{name}": tensor for name, tensor in conv.state_dict().items()}
    found = face_tensors(state)
    assert found is not None and found.keys() == {f"speech.{CONV}weight", f"speech.{CONV}bias"}
    torch.testing.assert_close(found[f"speech.{CONV}weight"], conv.weight)


def test_an_imported_bundle_speaks_as_the_published_networks(face: PublishedFace, run_import: Importer, models: Path) -> None:
    face.write_all()
    run_import(face.folder)
    by_hand = build_face_networks(TINY_FACE)
    for part, network in face_parts(by_hand).items():
        state = dict(face.parts[part])
        if part == "speech":
            state[f"{CONV}weight"] = face.weight.float()
        network.load_state_dict(state)
        network.eval()
    imported, _ = load_face_networks(models / "deeptalk", CPU)
    sound = np.random.default_rng(0).normal(size=20_000).astype(np.float32) * 0.1
    delivery = Delivery(actor=31, variance_scale=1.0, top_temperature=1.0, bottom_temperature=1.0, seed=4)
    expected, found = (face_of_speech(each, sound, emotion_of_sound(each, sound), delivery) for each in (by_hand, imported))
    np.testing.assert_allclose(found.expression, expected.expression, atol=1e-5)
    np.testing.assert_allclose(found.jaw, expected.jaw, atol=1e-5)


def test_the_card(face: PublishedFace, run_import: Importer, models: Path) -> None:
    face.write_all()
    run_import(face.folder, name="mine-1")
    card = read_face_card(models / "mine-1")
    assert (card.name, card.face_space, card.networks, card.actors) == ("mine-1", "flame-2020", TINY_FACE, ACTORS)
    assert len(set(ACTORS)) == 32 and ACTORS[0] == "M003" and ACTORS[-1] == "W029"
    assert "research only" in card.licence and any("DEEPTalk" in credit for credit in card.attribution)
    assert card.sha256 == file_sha256(models / "mine-1" / "model.safetensors") and card.one_pass == 1200
    origin = dict(line.split(" sha256 ") for line in card.origin)
    assert origin == {f"deeptalk/{name}": file_sha256(face.folder / name) for name in (DEEPTALK, FER)}


def published_state() -> dict[str, torch.Tensor]:
    """Every line of the key tables as DEEPTalk.pth has it, without numbers."""

    def table(name: str) -> dict[str, torch.Tensor]:
        lines = (KEYS / f"deeptalk_{name}.txt").read_text(encoding="utf-8").splitlines()
        rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
        return {row[0]: torch.empty([int(size) for size in re.findall(r"\d+", row[1])], device="meta") for row in rows}

    dee, state = table("dee"), table("generator")
    state |= {f"sequence_decoder.DEE.{name}": tensor for name, tensor in dee.items()}
    audio = "audio_encoder."
    state |= {f"sequence_decoder.DEE_audio.{name.removeprefix(audio)}": dee[name] for name in dee if name.startswith(audio)}
    return state | {f"sequence_decoder.motion_prior.{name}": tensor for name, tensor in table("th_vqvae").items()}


def test_every_line_of_the_key_tables_has_its_place_or_is_dead() -> None:
    state = published_state()
    assert len(state) == 1240
    with torch.device("meta"):
        parts = face_parts(build_face_networks(PUBLISHED_FACE))
    expected = {f"{part}.{name}": shape for part in parts if part != "features" for name, shape in weight_shapes(parts[part]).items()}
    found = face_tensors(state)
    assert found is not None and {name: tensor.shape for name, tensor in found.items()} == expected


PARTS = [(DEEPTALK, "deeptalk"), (DEE, "dee"), (TH_VQVAE, "th_vqvae"), (FER, "fer")]
LIVING = {
    DEEPTALK: "sequence_decoder.decoder.bias",
    DEE: "exp_encoder.exp_map.bias",
    TH_VQVAE: "upsample_t.bias",
    FER: "in_fc.bias",
}


@pytest.mark.parametrize(("file", "make"), PARTS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none(file: str, make: str, value: float, face: PublishedFace, refused: Refused) -> None:
    face.write_all()
    state = {name: tensor.clone() for name, tensor in getattr(face, make)().items()}
    state[LIVING[file]][1] = value
    face.save(file, state)
    refused(file, LIVING[file].split(".")[-2], "not finite")


@pytest.mark.parametrize(("file", "make"), PARTS)
def test_missing_surplus_and_misshapen_tensors_are_named(file: str, make: str, face: PublishedFace, refused: Refused) -> None:
    face.write_all()
    state = getattr(face, make)()
    del state[LIVING[file]]
    wrong = LIVING[file].replace("bias", "weight")
    state[wrong] = torch.zeros(2, 3, 5, 7)
    face.save(file, state | {"surprise": torch.zeros(1)})
    refused(file, "is missing", "is (2, 3, 5, 7) instead of", "surprise is surplus", "Choose the published file")


@pytest.mark.parametrize("shape", [(1, 1, 3), (12, 1, 1), (8,)])
def test_a_positional_weight_of_another_form(shape: tuple[int, ...], face: PublishedFace, refused: Refused) -> None:
    face.g = torch.ones(shape)
    face.save(DEEPTALK, face.deeptalk())
    refused(DEEPTALK, f"{CONV}weight is missing", "weight_g is surplus")


def test_dead_weights_may_be_missing_or_broken(face: PublishedFace, run_import: Importer, models: Path) -> None:
    state = face.deeptalk()
    del state["sequence_decoder.obj_vector.map.weight"]
    state["sequence_decoder.motion_prior.quantize_t.ema_count"] = torch.full((9,), float("nan"))
    run_import(face.save(DEEPTALK, state))
    check_bundle(models / "deeptalk", face, reads_faces=False)


@pytest.mark.parametrize("file", [DEE, TH_VQVAE, FER])
def test_without_the_talker(file: str, face: PublishedFace, refused: Refused) -> None:
    face.write_all()
    for other in {DEEPTALK, DEE, TH_VQVAE, FER} - {file}:
        (face.folder / other).unlink()
    refused(f"Found deeptalk/{file}", "Missing: the talker", DEEPTALK, "nothing was imported")


def test_swapped_names_are_told_by_what_is_in_the_files(face: PublishedFace, run_import: Importer, models: Path) -> None:
    face.save(FER, face.deeptalk())
    face.save(DEEPTALK, face.dee())
    face.save(DEE, face.fer())
    assert set(run_import(face.folder).used) == {f"deeptalk/{FER}", f"deeptalk/{DEE}"}
    check_bundle(models / "deeptalk", face, reads_faces=True)


def test_a_network_of_another_file_in_the_place_of_one(face: PublishedFace, refused: Refused) -> None:
    """A talker whose emotion embedding was put in the place of its codes."""
    prior = "sequence_decoder.motion_prior."
    state = {name: tensor for name, tensor in face.deeptalk().items() if not name.startswith(prior)}
    face.save(DEEPTALK, state | {f"{prior}{name}": tensor for name, tensor in face.dee().items()})
    refused(DEEPTALK, "tokens.", "is missing")


def test_two_talkers_that_differ(face: PublishedFace, refused: Refused, run_import: Importer) -> None:
    face.write_all()
    face.save("copy.pth", face.deeptalk())
    other = face.save("other.pth", {name: tensor + 1 for name, tensor in face.deeptalk().items()})
    refused("several files of the talker", "other.pth", "Give only the one")
    other.unlink()
    assert run_import(face.folder).folders


def test_body_and_face_in_one_command(face: PublishedFace, published: Published, run_import: Importer, models: Path) -> None:
    face.write_all()
    published.write_all()
    with pytest.raises(WeightsError, match=r"belongs to a model of faces, .* does not: import them one after the other\.$"):
        run_import(face.folder, published.folder / FLOW)
    assert not models.exists()


def test_a_second_import(face: PublishedFace, run_import: Importer, models: Path) -> None:
    face.write_all()
    run_import(face.folder)
    with pytest.raises(WeightsError, match="deeptalk is in .* already: choose Replace"):
        run_import(face.folder)
    face.parts["talker"]["decoder.bias"] += 1
    face.write_all()
    run_import(face.folder, replaces=True)
    check_bundle(models / "deeptalk", face, reads_faces=True)


class Harmful:
    """Unpickled, it makes a folder."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.witness),)


def test_a_pickle_that_runs_code(face: PublishedFace, refused: Refused, tmp_path: Path) -> None:
    face.save(DEEPTALK, face.deeptalk() | {"hook": Harmful(tmp_path / "harm")})
    refused(DEEPTALK, "mkdir", "Nothing of it was used")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("damage", ["card", "actors", "format", "width", "features", "cut", "changed"])
def test_a_bundle_that_was_damaged_later(damage: str, face: PublishedFace, run_import: Importer, models: Path) -> None:
    run_import(face.save(DEEPTALK, face.deeptalk()))
    card, weights = models / "deeptalk" / "face.json", models / "deeptalk" / "model.safetensors"
    text, data = card.read_text(encoding="utf-8"), weights.read_bytes()
    cases = {
        "card": lambda: card.unlink(),
        "actors": lambda: card.write_text(text.replace('"M003",', "", 1)),
        "format": lambda: card.write_text(text.replace("face bundle 1", "face bundle 2")),
        "width": lambda: card.write_text(text.replace('"speech_width": 12', '"speech_width": 13')),
        "features": lambda: card.write_text(text.replace('"features": null', '"features": {"n_inputs": 53, "widths": [9, 7]}')),
        "cut": lambda: weights.write_bytes(data[:-1]),
        "changed": lambda: weights.write_bytes(data[:-1] + b"\x01"),
    }
    cases[damage]()
    sentences = {
        "card": "no face model", "actors": "31 names for 32 actors", "format": "its format", "width": "speech width: 12 and 13",
        "features": "come together", "cut": "cut off", "changed": "was changed",
    }  # fmt: skip
    with pytest.raises(WeightsError, match=sentences[damage]):
        load_face_networks(models / "deeptalk", CPU)


def test_import_list_and_remove(
    face: PublishedFace, models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importing, "PublishedSizes", lambda: SIZES)
    monkeypatch.setenv("UNDERSTUDY_MODELS", str(models))
    face.write_all()
    assert main(["weights", "import", str(face.folder)]) == 0
    said = capsys.readouterr().out
    assert f"used      deeptalk/{DEEPTALK}\n" in said and f"left out  deeptalk/{DEE}\n" in said
    assert main(["weights", "list"]) == 0
    assert re.search(r"deeptalk  \d MB  research only.*\n    DEEPTalk, as released\n", capsys.readouterr().out)
    assert main(["weights", "remove", "deeptalk"]) == 0
    assert not any(models.iterdir())
