"""Does a bundle load as it was saved, and does every damaged one say what is wrong and what to do?"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from understudy.core import checkpoints
from understudy.core.body.features import LocalRotations
from understudy.core.body.text_reader import ReaderConfig
from understudy.core.card_fields import dataclass_from_json
from understudy.core.checkpoints import (
    BodyConfigs,
    build_networks,
    find_bundle,
    load_networks,
    load_pipeline,
    load_text_encoder,
    read_card,
    save_bundle,
    typed_bundle,
)
from understudy.core.contract import BodyRequest, WeightsError
from understudy.core.weights_manifest import file_sha256

CPU = torch.device("cpu")
ADVICE = ("install", "choose", "run build_addon")


def sentence(folder: Path, *named: str) -> str:
    """What loading says: a sentence that names these things and what to do."""
    with pytest.raises(WeightsError) as caught:
        load_pipeline(folder, CPU)
    text = str(caught.value)
    assert "\n" not in text and text.endswith("."), text
    assert any(advice in text.lower() for advice in ADVICE), text
    for name in named:
        assert name in text, text
    return text


def edit_card(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    card = json.loads((folder / "bundle.json").read_text())
    change(card)
    (folder / "bundle.json").write_text(json.dumps(card))


def rewrite(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    """Other tensors, with a card that vouches for them."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    weights = folder / "model.safetensors"
    edit_card(folder, lambda card: card.update(bytes=weights.stat().st_size, sha256=file_sha256(weights)))


def test_weights_load_as_they_were_saved(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Any] = []
    monkeypatch.setattr(checkpoints, "build_networks", lambda configs: built.append(build_networks(configs)) or built[0])
    monkeypatch.setattr(checkpoints, "make_quick", lambda networks, device: None)  # what is packed has no names any more
    load_pipeline(tiny_bundle, CPU)
    stored = load_file(tiny_bundle / "model.safetensors")
    networks = {part: network for part, network in vars(built[0]).items() if network}
    loaded = {f"{part}.{name}": tensor for part, network in networks.items() for name, tensor in network.state_dict().items()}
    assert loaded.keys() | {"features.mean", "features.std"} == stored.keys()
    for name, tensor in loaded.items():
        assert torch.equal(tensor.float(), stored[name].float()), name
        assert tensor.dtype == (torch.float64 if ".output_process." in name else torch.float32), name
    assert not any(network.training or any(p.requires_grad for p in network.parameters()) for network in networks.values())


def test_saving_and_loading_loses_no_more_than_half_precision(tiny_configs: BodyConfigs, tmp_path: Path, written_bundle: Path) -> None:
    networks = build_networks(tiny_configs)
    statistics = LocalRotations(torch.randn(161), torch.rand(161) + 0.1)
    card = save_bundle(tmp_path / "new", read_card(written_bundle), networks, statistics)
    stored = load_file(tmp_path / "new" / "model.safetensors")
    for name, tensor in networks.flow.state_dict().items():
        torch.testing.assert_close(stored[f"flow.{name}"].float(), tensor, rtol=1e-3, atol=1e-7)
    assert torch.equal(stored["features.mean"], statistics.mean) and torch.equal(stored["features.std"], statistics.std)
    assert read_card(tmp_path / "new") == card
    assert card.bytes == (tmp_path / "new" / "model.safetensors").stat().st_size and len(card.sha256) == 64


def test_a_card_comes_back_with_all_its_configurations(written_bundle: Path, tiny_configs: BodyConfigs) -> None:
    card = read_card(written_bundle)
    assert card.networks == tiny_configs
    assert (card.name, card.title, card.licence, card.attribution, card.has_steps) == ("tiny", "Tiny", "CC0-1.0", ("nobody",), True)


@pytest.mark.parametrize("file", ["bundle.json", "model.safetensors"])
def test_a_missing_file(file: str, bundle_copy: Path) -> None:
    (bundle_copy / file).unlink()
    sentence(bundle_copy, file, "missing")


def test_a_missing_folder(tmp_path: Path) -> None:
    sentence(tmp_path / "nothing", "nothing", "bundle.json")


@pytest.mark.parametrize("file", ["bundle.json", "model.safetensors"])
def test_a_folder_where_a_file_should_be(file: str, bundle_copy: Path) -> None:
    (bundle_copy / file).unlink()
    (bundle_copy / file).mkdir()
    sentence(bundle_copy, file)


@pytest.mark.parametrize("left", [0, 7, 1000, -1])
def test_weights_cut_off(left: int, bundle_copy: Path) -> None:
    weights = bundle_copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:left])
    sentence(bundle_copy, "model.safetensors", "cut off", f"{weights.stat().st_size:,}")


@pytest.mark.parametrize("where", [0, 100, -1])
def test_one_flipped_byte(where: int, bundle_copy: Path) -> None:
    weights = bundle_copy / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[where] ^= 1
    weights.write_bytes(content)
    sentence(bundle_copy, "model.safetensors", "sha256")


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 64, b"\xff" * 64, b"PK\x03\x04 not safetensors at all", (2**63 - 1).to_bytes(8, "little") + b"{}"]
)
def test_weights_that_are_not_safetensors_although_the_card_vouches_for_them(content: bytes, bundle_copy: Path) -> None:
    weights = bundle_copy / "model.safetensors"
    weights.write_bytes(content)
    edit_card(bundle_copy, lambda card: card.update(bytes=len(content), sha256=file_sha256(weights)))
    sentence(bundle_copy, "model.safetensors")


@pytest.mark.parametrize(
    "name", ["flow.net.init_proj.weight", "tokenizer.quantizer.layers.3.codebook", "length.output.11.bias", "features.mean", "features.std"]
)
def test_a_missing_tensor(name: str, bundle_copy: Path) -> None:
    rewrite(bundle_copy, lambda tensors: tensors.pop(name))
    sentence(bundle_copy, name.split(".", 1)[1], "tiny", "missing")


@pytest.mark.parametrize("name", ["flow.net.surprise", "tokens.cond_emb.weight2", "face.weight", "features.offset", "weight"])
def test_a_surplus_tensor(name: str, bundle_copy: Path) -> None:
    rewrite(bundle_copy, lambda tensors: tensors.update({name: torch.zeros(3)}))
    sentence(bundle_copy, name.split(".", 1)[-1], "tiny", "surplus")


@pytest.mark.parametrize(
    "name", ["flow.net.init_proj.weight", "tokens.token_emb.weight", "length.output.0.bias", "features.mean", "features.std"]
)
def test_a_tensor_of_a_wrong_shape(name: str, bundle_copy: Path) -> None:
    rewrite(bundle_copy, lambda tensors: tensors.update({name: torch.cat((tensors[name], tensors[name][:1]))}))
    sentence(bundle_copy, name.split(".", 1)[1], "tiny", "shape")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["flow.net.final_conv.bias", "residual.quant_emb.weight", "features.mean", "features.std"])
def test_a_number_that_is_none(name: str, value: float, bundle_copy: Path) -> None:
    rewrite(bundle_copy, lambda tensors: tensors[name].view(-1)[1].fill_(value))
    sentence(bundle_copy, name.split(".")[0], "tiny", "not finite")


@pytest.mark.parametrize("std", [0.0, -1.0])
def test_statistics_that_cannot_be_divided_by(std: float, bundle_copy: Path) -> None:
    rewrite(bundle_copy, lambda tensors: tensors["features.std"][5].fill_(std))
    sentence(bundle_copy, "features", "tiny")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", "5", '"card"', "{}", '{"format": "understudy body bundle 1"}', "\xff\xfe", "[" * 100_000]
)
def test_a_card_that_is_not_one(content: str, bundle_copy: Path) -> None:
    (bundle_copy / "bundle.json").write_bytes(content.encode("latin-1"))
    sentence(bundle_copy, "bundle.json")


@pytest.mark.parametrize("stored", ["understudy body bundle 2", "", None, 1])
def test_a_card_of_another_format(stored: object, bundle_copy: Path) -> None:
    edit_card(bundle_copy, lambda card: card.update(format=stored))
    sentence(bundle_copy, "format", repr(stored))


@pytest.mark.parametrize("field", ["name", "text_encoder", "networks", "guidance", "has_steps"])
def test_a_card_without_a_field(field: str, bundle_copy: Path) -> None:
    edit_card(bundle_copy, lambda card: card.pop(field))
    sentence(bundle_copy, "bundle.json", field)


@pytest.mark.parametrize(("field", "value"), [
    ("bytes", "12"), ("bytes", None), ("sha256", 5), ("name", None), ("name", 3), ("guidance", "4"), ("guidance", None), ("residual_guidance", []),
    ("has_steps", "yes"), ("networks", None), ("networks", []), ("networks", {}), ("attribution", "somebody"), ("representation", None),
    ("guidance", float("nan")), ("surprise", 1), ("residual_share", 0.0), ("residual_share", 1.5),
])  # fmt: skip
def test_a_card_with_a_value_of_a_wrong_kind(field: str, value: object, bundle_copy: Path) -> None:
    edit_card(bundle_copy, lambda card: card.update({field: value}))
    sentence(bundle_copy, "bundle.json")


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize(("network", "field", "value"), [
    ("flow", "width", "16"), ("flow", "width", 0), ("flow", "width", -16), ("flow", "width", 16.5), ("flow", "width_multipliers", 2), ("flow", "surprise", 1),
    ("flow", "width_multipliers", ["a"]), ("tokens", "n_heads", 5), ("tokens", "n_heads", 0), ("tokens", "width", 17), ("tokenizer", "dropout", "none"),
    ("length", "hidden", [1, 2]), ("length", "hidden", None), ("tokenizer", "width", True),
])  # fmt: skip
def test_a_configuration_that_no_network_can_have(network: str, field: str, value: object, bundle_copy: Path) -> None:
    edit_card(bundle_copy, lambda card: card["networks"][network].update({field: value}))
    sentence(bundle_copy)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [("flow", "n_features", 160), ("tokens", "n_codes", 31), ("flow", "code_dim", 15), ("length", "text_width", 383)],
)
def test_a_configuration_that_the_weights_do_not_have(part: str, field: str, value: int, bundle_copy: Path) -> None:
    edit_card(bundle_copy, lambda card: card["networks"][part].update({field: value}))
    sentence(bundle_copy, part, "tiny")


def rebuilt(folder: Path, configs: BodyConfigs, n_features: int = 161) -> Path:
    save_bundle(
        folder,
        dataclasses.replace(read_card(folder), networks=configs),
        build_networks(configs),
        LocalRotations(torch.zeros(n_features), torch.ones(n_features)),
    )
    return folder


@pytest.mark.parametrize(("part", "change"), [
    ("flow", {"n_features": 160}), ("flow", {"code_dim": 12}), ("tokens", {"n_codes": 30}), ("residual", {"n_codes": 40}), ("residual", {"n_quantizers": 5}),
    ("tokens", {"text_width": 100}), ("tokens", {"word_width": 0, "text_width": 512}), ("residual", {"word_width": 100}), ("length", {"text_width": 512}),
])  # fmt: skip
def test_networks_that_do_not_fit_together(
    part: str, change: dict[str, int], bundle_copy: Path, tiny_configs: BodyConfigs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "load_text_encoder", lambda name, **_: types.SimpleNamespace(pooled_width=384, word_width=384))
    odd = dataclasses.replace(tiny_configs, **{part: dataclasses.replace(getattr(tiny_configs, part), **change)})
    sentence(rebuilt(bundle_copy, odd), "tiny", "fit together")


def without_residual(folder: Path, configs: BodyConfigs, layers: int) -> Path:
    """A bundle of networks none of which is a residual transformer, whose card asks for so many residual layers."""
    save_bundle(
        folder,
        dataclasses.replace(read_card(folder), networks=dataclasses.replace(configs, residual=None), residual_layers=0),
        build_networks(dataclasses.replace(configs, residual=None)),
        LocalRotations(torch.zeros(161), torch.ones(161)),
    )
    edit_card(folder, lambda card: card.update(residual_layers=layers))
    return folder


def test_a_bundle_may_do_without_a_residual_network(bundle_copy: Path, tiny_configs: BodyConfigs, minilm_folder: Path) -> None:
    pipeline, card = load_pipeline(without_residual(bundle_copy, tiny_configs, 0), CPU)
    assert card.networks.residual is None and pipeline._networks.residual is None
    assert bool((pipeline.tokens(BodyRequest(1, "a person walks", 2.0))[..., 1:] == -1).all())


@pytest.mark.parametrize("layers", [1, 5])
def test_residual_layers_without_their_network_are_refused(layers: int, bundle_copy: Path, tiny_configs: BodyConfigs) -> None:
    sentence(
        without_residual(bundle_copy, tiny_configs, layers), "bundle.json", f"residual_layers is {layers}, but there is no residual network"
    )


def test_weights_of_a_residual_network_that_the_card_does_not_name_are_surplus(bundle_copy: Path) -> None:
    edit_card(bundle_copy, lambda card: card.update(residual_layers=0) or card["networks"].update(residual=None))
    sentence(bundle_copy, "residual.", "surplus")


def test_a_residual_network_of_which_no_layer_is_used_is_loaded(bundle_copy: Path, minilm_folder: Path) -> None:
    edit_card(bundle_copy, lambda card: card.update(residual_layers=0))
    pipeline, card = load_pipeline(bundle_copy, CPU)
    assert card.networks.residual is not None and pipeline._networks.residual is not None
    assert bool((pipeline.tokens(BodyRequest(1, "a person walks", 2.0))[..., 1:] == -1).all())


@pytest.mark.parametrize(("field", "value"), [("representation", "humanml3d"), ("text_encoder", "clip")])
def test_an_encoder_or_representation_of_the_future(field: str, value: str, bundle_copy: Path) -> None:
    edit_card(bundle_copy, lambda card: card.update({field: value}))
    sentence(bundle_copy, value)


def test_a_model_is_found_by_its_name_in_the_first_folder_that_has_it(written_bundle: Path, bundle_copy: Path, tmp_path: Path) -> None:
    assert find_bundle("tiny", (tmp_path / "empty", written_bundle.parent, bundle_copy.parent)) == written_bundle
    assert find_bundle("tiny", (bundle_copy.parent, written_bundle.parent)) == bundle_copy


def test_a_model_is_found_by_the_path_of_its_folder(written_bundle: Path) -> None:
    assert find_bundle(str(written_bundle), ()) == written_bundle


def test_a_typed_path_may_start_where_one_stands_and_a_name_stays_a_name(written_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written_bundle.parents[1])
    assert find_bundle(typed_bundle(f"{written_bundle.parent.name}/{written_bundle.name}"), ()) == written_bundle
    assert typed_bundle("starter") == "starter" and typed_bundle(str(written_bundle)) == str(written_bundle)


def test_an_unknown_model_is_told_which_there_are(written_bundle: Path, bundle_copy: Path) -> None:
    with pytest.raises(WeightsError, match=r'no model "stareter"; installed: tiny\. Choose'):
        find_bundle("stareter", (written_bundle.parent,))
    with pytest.raises(WeightsError, match="none"):
        find_bundle("starter", ())


NAMES = [
    "",
    ".",
    "..",
    "../secret",
    "tiny/../../secret",
    "..\\secret",
    "/",
    "/etc",
    "/etc/passwd",
    "~",
    "a\0b",
    "a" * 5000,
    "a/" * 3000,
    "tiny/",
    "\n",
    "CON",
    "*",
    "ti?y",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:20] or "empty")
def test_a_name_leads_to_nothing_outside_the_folders_of_models(
    name: str, bundle_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bundles lie beside and above the folder of models and where the process stands, but none of these names is theirs."""
    models = bundle_copy.parent
    for place in (models, tmp_path, tmp_path / "secret", tmp_path / "here"):
        place.mkdir(exist_ok=True)
        (place / "bundle.json").write_text((bundle_copy / "bundle.json").read_text())
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(WeightsError, match="no model"):
        found = find_bundle(name, (models,))
        pytest.fail(f"found {found}")


def test_the_sentence_encoder_says_what_is_wrong_with_its_files(tmp_path: Path) -> None:
    manifest = f'[minilm]\nfiles = [{{ path = "minilm/minilm.safetensors", bytes = 3, sha256 = "{"0" * 64}" }}]\n'
    (tmp_path / "manifest.toml").write_text(manifest)
    with pytest.raises(WeightsError, match=r"minilm\.safetensors is missing .* build_addon"):
        load_text_encoder("all-MiniLM-L6-v2", tmp_path)
    (tmp_path / "minilm").mkdir()
    (tmp_path / "minilm" / "minilm.safetensors").write_bytes(b"1234")
    with pytest.raises(WeightsError, match=r"4 bytes instead of 3"):
        load_text_encoder("all-MiniLM-L6-v2", tmp_path)
    (tmp_path / "minilm" / "minilm.safetensors").write_bytes(b"123")
    with pytest.raises(WeightsError, match=r"sha256"):
        load_text_encoder("all-MiniLM-L6-v2", tmp_path)


@pytest.mark.parametrize("values", [{"width": 3, "colour": 1}, {"width": "3"}, [], None, 5])
def test_configurations_from_json_are_checked(values: object) -> None:
    from understudy.core.body.flow_decoder import FlowDecoderConfig

    with pytest.raises(TypeError):
        dataclass_from_json(FlowDecoderConfig, values)
    assert dataclass_from_json(FlowDecoderConfig, {"width_multipliers": [1, 3]}) == FlowDecoderConfig(width_multipliers=(1, 3))


def with_reader(configs: BodyConfigs, width: int = 5) -> BodyConfigs:
    """The tokens read three contents and two styles instead of the text encoder's vectors."""
    reader = ReaderConfig(("bow", "run", "walk"), ("", "sad"), width=16)
    tokens = dataclasses.replace(configs.tokens, text_width=width)
    return dataclasses.replace(configs, tokens=tokens, residual=None, matcher=None, reader=reader)


def write_with_reader(folder: Path, tiny_bundle: Path, configs: BodyConfigs) -> None:
    _, representation, card = load_networks(tiny_bundle)
    torch.manual_seed(0)
    card = dataclasses.replace(card, networks=configs, residual_layers=0, candidates=1)
    save_bundle(folder, card, build_networks(configs), representation)


def test_a_model_with_a_reader_is_loaded_and_shows_the_tokens_what_it_reads(
    tiny_bundle: Path, tiny_configs: BodyConfigs, minilm_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_with_reader(tmp_path / "reading", tiny_bundle, with_reader(tiny_configs))
    assert read_card(tmp_path / "reading").networks.reader == with_reader(tiny_configs).reader
    pipeline, _ = load_pipeline(tmp_path / "reading", CPU)
    seen: list[Tensor] = []
    tokens = pipeline._networks.tokens
    forward = tokens.forward
    monkeypatch.setattr(tokens, "forward", lambda ids, text, pad: seen.append(text.pooled) or forward(ids, text, pad))
    pipeline.tokens(BodyRequest(1, "a person walks", 1.0))
    reader = pipeline._networks.reader
    assert reader is not None
    expected = reader.read(load_text_encoder("all-MiniLM-L6-v2").encode(["a person walks"])).pooled
    assert torch.allclose(seen[0][:1], expected, atol=1e-6)


def test_tokens_that_read_another_number_of_classes_than_the_reader_has_are_refused(
    tiny_bundle: Path, tiny_configs: BodyConfigs, minilm_folder: Path, tmp_path: Path
) -> None:
    write_with_reader(tmp_path / "misfit", tiny_bundle, with_reader(tiny_configs, width=6))
    sentence(tmp_path / "misfit", "do not fit together", "reading width: 5 and 6")
