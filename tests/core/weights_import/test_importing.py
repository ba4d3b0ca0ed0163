"""Do the published files, in every layout, become one bundle that generates what their networks make?"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from understudy.core.body import clip_text
from understudy.core.body.humanml3d_motion import HumanML3DMotion
from understudy.core.body.pipeline import BodyPipeline, SamplingSettings
from understudy.core.body.residual_tokens import ResidualSettings
from understudy.core.body.token_generator import UnmaskingSettings
from understudy.core.checkpoints import build_networks, load_pipeline, read_card
from understudy.core.contract import BodyRequest, Recipe, WeightsError
from understudy.core.saved_clip import read_card as read_encoder
from understudy.core.service import Service
from understudy.core.training.own_networks import load_own_networks
from understudy.core.weights_import.importing import Imported
from understudy.core.weights_manifest import file_sha256
from understudy.tests.core.weights_import.published_files import (
    CLIP,
    FLOW,
    LENGTH,
    MEAN,
    RESIDUAL,
    STD,
    TOKENIZER,
    TOKENS,
    Published,
    statistics,
    tiny_networks,
)

CPU = torch.device("cpu")
Importer = Callable[..., Imported]
NAME = "discord-humanml3d"


def check_bundle(folder: Path, published: Published) -> None:
    """Every number is the one that was published."""
    stored = load_file(folder / "model.safetensors")
    expected = {f"{part}.{name}": tensor for part, state in published.parts.items() for name, tensor in state.items()}
    mean, std = (torch.from_numpy(values.astype(np.float32)) for values in statistics(published.layout))
    expected |= {"features.mean": mean, "features.std": std}
    assert stored.keys() == expected.keys()
    assert [name for name, tensor in expected.items() if not torch.equal(stored[name].float(), tensor)] == []
    text = load_file(folder.parent / "clip-vit-b32" / "model.safetensors")
    assert text.keys() == published.clip.keys()
    assert all(tensor.dtype == torch.float16 and torch.equal(tensor.float(), published.clip[name]) for name, tensor in text.items())


def test_a_folder_with_everything_becomes_a_bundle_number_by_number(published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    done = run_import(published.folder)
    assert done.folders == (models / "clip-vit-b32", models / NAME) and done.left_out == ()
    assert sorted(path.name for path in models.iterdir()) == ["clip-vit-b32", NAME]
    check_bundle(models / NAME, published)


@pytest.mark.parametrize("prefix", ["", "t2m/", "checkpoints/t2m/", "checkpoints/models/t2m/", "humanml3d/"])
def test_the_zip_as_it_is_published_beside_the_decoder_and_clip(
    prefix: str, published: Published, run_import: Importer, models: Path
) -> None:
    published.write_momask()
    archive = published.zipped("humanml3d_models.zip", prefix)
    published.save(FLOW, published.parts["flow"])
    published.write_clip_archive()
    run_import(archive, published.folder / FLOW, published.folder / CLIP)
    check_bundle(models / NAME, published)


def test_single_files_without_their_folders(published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    flat = published.folder.parent / "flat"
    flat.mkdir()
    files = [
        shutil.copy(published.folder / name, flat / f"{number}{Path(name).suffix}")
        for number, name in enumerate((TOKENIZER, TOKENS, RESIDUAL, LENGTH, FLOW, CLIP))
    ]
    arrays = [shutil.copy(published.folder / name, flat) for name in (MEAN, STD)]
    run_import(*map(Path, (*files, *arrays)))
    check_bundle(models / NAME, published)


def test_other_names_of_the_mappings_in_the_files(published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    published.save(TOKENIZER, {"net": published.parts["tokenizer"]})
    published.save(TOKENS, {"trans": published.parts["tokens"] | {"clip_model.token_embedding.weight": torch.zeros(3, 3)}})
    published.save(RESIDUAL, published.parts["residual"])
    run_import(published.folder)
    check_bundle(models / NAME, published)


def test_files_of_a_training_on_several_graphics_cards(published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    published.save(FLOW, {f"module.{name}": tensor for name, tensor in published.parts["flow"].items()})
    published.save(TOKENS, {"t2m_transformer": {f"module.{name}": tensor for name, tensor in published.with_positions("tokens").items()}})
    run_import(published.folder)
    check_bundle(models / NAME, published)


def test_files_of_the_time_before_torch_wrote_zips(published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    torch.save({"estimator": published.parts["length"]}, published.folder / LENGTH, _use_new_zipfile_serialization=False)
    torch.save(published.parts["flow"], published.folder / FLOW, _use_new_zipfile_serialization=False)
    run_import(published.folder)
    check_bundle(models / NAME, published)


def hugging_face_of(published: Published) -> dict[str, torch.Tensor]:
    """openai/clip-vit-base-patch32's names, in float32, with some of the image side."""
    clip, theirs = published.clip, {"visual_projection.weight": torch.zeros(2, 3), "logit_scale": published.clip["logit_scale"]}
    theirs["text_projection.weight"] = clip["text_projection"].T.contiguous()
    theirs["text_model.embeddings.token_embedding.weight"] = clip["token_embedding.weight"]
    theirs["text_model.embeddings.position_embedding.weight"] = clip["positional_embedding"]
    theirs["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    names = {
        "attn.out_proj": "self_attn.out_proj",
        "ln_1": "layer_norm1",
        "ln_2": "layer_norm2",
        "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2",
    }
    for kind in ("weight", "bias"):
        theirs[f"text_model.final_layer_norm.{kind}"] = clip[f"ln_final.{kind}"]
        for layer in range(published.clip_config.n_layers):
            ours, other = f"transformer.resblocks.{layer}.", f"text_model.encoder.layers.{layer}."
            theirs |= {f"{other}{their}.{kind}": clip[f"{ours}{our}.{kind}"] for our, their in names.items()}
            for part, tensor in zip("qkv", clip[f"{ours}attn.in_proj_{kind}"].chunk(3), strict=True):
                theirs[f"{other}self_attn.{part}_proj.{kind}"] = tensor.contiguous()
    return theirs


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_clip_from_hugging_face(file: str, published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    (published.folder / CLIP).unlink()
    if file.endswith(".bin"):
        published.save(file, hugging_face_of(published))
    else:
        save_file(hugging_face_of(published), published.folder / file)
    run_import(published.folder)
    check_bundle(models / NAME, published)


def test_clip_alone_first_and_a_model_later(published: Published, run_import: Importer, models: Path) -> None:
    published.write_clip_archive()
    assert run_import(published.folder).folders == (models / "clip-vit-b32",)
    (published.folder / CLIP).unlink()
    published.write_momask()
    published.save(FLOW, published.parts["flow"])
    assert run_import(published.folder).folders == (models / NAME,)
    check_bundle(models / NAME, published)


def test_the_card_tells_origin_licence_and_how_its_authors_sample(published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    run_import(published.folder)
    card = read_card(models / NAME)
    assert (card.representation, card.text_encoder, card.has_steps) == ("humanml3d-263", "clip-vit-b32", False)
    assert (card.guidance, card.residual_guidance, card.residual_layers, card.residual_share) == (4.0, 5.0, 5, 0.1)
    assert (card.candidates, card.temperature, card.choice_noise, card.networks.matcher) == (1, 1.0, 0.0, None)
    assert "research only" in card.licence and any("MoMask" in credit for credit in card.attribution)
    assert card.sha256 == file_sha256(models / NAME / "model.safetensors")
    origin = dict(line.split(" sha256 ") for line in card.origin)
    files = {TOKENIZER, TOKENS, RESIDUAL, LENGTH, FLOW, MEAN, STD}
    assert origin == {f"humanml3d/{name}": file_sha256(published.folder / name) for name in files}


def test_an_imported_bundle_generates(published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    run_import(published.folder)
    service = Service((models,))
    request = BodyRequest(1, "a person walks, then sits down", 2.0, 3, 16, model=NAME, device="cpu")
    motion, again = (service.body(request, lambda *_: None).motions[0] for _ in range(2))
    assert motion.fps == 20.0 and len(motion.translation) == 41 and motion.rotations.shape[1:] == (22, 4)
    assert np.isfinite(motion.rotations).all() and np.isfinite(motion.translation).all()
    np.testing.assert_array_equal(motion.rotations, again.rotations)
    assert motion.recipe.model == NAME and motion.recipe.weights == read_card(models / NAME).sha256[:16]


def by_hand(published: Published, merges: Path) -> BodyPipeline:
    """The published networks put together from their states, with no file in between."""
    networks = build_networks(tiny_networks(263))
    for part, state in published.parts.items():
        getattr(networks, part).eval().load_state_dict(state)
    mean, std = (torch.from_numpy(values.astype(np.float32)) for values in statistics(published.layout))
    encoder = clip_text.load(published.clip, merges, published.clip_config)
    settings = SamplingSettings(UnmaskingSettings(guidance=4.0), ResidualSettings(5.0, layers=5))
    return BodyPipeline(networks, encoder, HumanML3DMotion(published.layout, mean, std), settings, CPU)


def test_a_prompt_becomes_the_motion_that_the_published_networks_make(
    published: Published, run_import: Importer, models: Path, clip_merges: Path
) -> None:
    published.write_all()
    run_import(published.folder)
    request = BodyRequest(1, "a person walks, then sits down", None, 3, 4, device="cpu", variations=2)
    pipeline, _ = load_pipeline(models / NAME, CPU)
    expected, _ = by_hand(published, clip_merges).generate(request, Recipe(), lambda *_: None)
    found, _ = pipeline.generate(request, Recipe(), lambda *_: None)
    for motion, wanted in zip(found, expected, strict=True):
        # Packed layers add up in another order
        np.testing.assert_allclose(motion.rotations, wanted.rotations, atol=1e-4)
        np.testing.assert_allclose(motion.translation, wanted.translation, atol=1e-4)
    assert bool((pipeline.tokens(request)[..., 1:] >= 0).any()), "the residual layers are used"


def test_kit_is_told_from_humanml3d_by_its_tokenizer(
    make_published: Callable[[str], Published], run_import: Importer, models: Path
) -> None:
    kit = make_published("kit")
    kit.write_all()
    run_import(kit.folder)
    card = read_card(models / "discord-kit")
    assert (card.representation, card.guidance, card.residual_guidance) == ("kit-251", 2.0, 5.0)
    check_bundle(models / "discord-kit", kit)
    motion = Service((models,)).body(BodyRequest(1, "a person walks", 2.0, model="discord-kit", device="cpu"), lambda *_: None).motions[0]
    assert motion.fps == 12.5 and len(motion.translation) == 26


def test_kit_without_a_flow_decoder_moves_by_its_tokenizers_own(
    make_published: Callable[[str], Published], run_import: Importer, models: Path
) -> None:
    """None was released for it."""
    kit = make_published("kit")
    kit.write_all()
    (kit.folder / FLOW).unlink()
    assert run_import(kit.folder).folders[-1] == models / "momask-kit"
    pipeline, card = load_pipeline(models / "momask-kit", CPU)
    assert card.networks.flow is None and card.licence.startswith("research only: trained on KIT-ML")
    request = BodyRequest(1, "a person walks", 1.6, 3, 16, device="cpu", lock_feet=False)
    ids = pipeline.tokens(request)
    features = pipeline._networks.tokenizer.decode(ids)[0][:21]
    expected = pipeline._representation.decode(features.detach(), Recipe())
    found = pipeline.shaped(ids, request, Recipe())[0]
    np.testing.assert_array_equal(found.rotations, expected.rotations)
    np.testing.assert_array_equal(found.translation, expected.translation)


def test_a_card_names_files_without_the_folders_of_this_machine(published: Published, run_import: Importer, models: Path) -> None:
    published.write_clip_archive()
    run_import(published.folder / CLIP)
    assert read_encoder(models / "clip-vit-b32").origin == (f"{CLIP} sha256 {file_sha256(published.folder / CLIP)}",)


def test_training_and_evaluation_say_that_an_imported_model_is_not_theirs(published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    run_import(published.folder)
    with pytest.raises(WeightsError, match=r"speaks humanml3d-263.*choose a model that was trained here"):
        load_own_networks(models / NAME)


def test_two_sets_share_one_clip(make_published: Callable[[str], Published], run_import: Importer, models: Path) -> None:
    for name in ("humanml3d", "kit"):
        files = make_published(name)
        files.write_all()
        run_import(files.folder)
    assert sorted(path.name for path in models.iterdir()) == ["clip-vit-b32", NAME, "discord-kit"]


def test_a_name_of_ones_own_and_a_second_import(published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    run_import(published.folder, name="mine-1")
    assert read_card(models / "mine-1").name == "mine-1"
    with pytest.raises(WeightsError, match=r"mine-1 is in .* already: choose Replace .* or another Name"):
        run_import(published.folder, name="mine-1")
    published.parts["flow"]["net.final_conv.bias"] = published.parts["flow"]["net.final_conv.bias"] + 1
    published.save(FLOW, published.parts["flow"])
    run_import(published.folder, name="mine-1", replaces=True)
    check_bundle(models / "mine-1", published)
    assert sorted(path.name for path in models.iterdir()) == ["clip-vit-b32", "mine-1"]


@pytest.mark.parametrize("name", ["../x", "a/b", "A", ".hidden", "clip-vit-b32", "x" * 61, "starter"])
def test_names_that_a_model_cannot_have(name: str, published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    with pytest.raises(WeightsError, match=r"name"):
        run_import(published.folder, name=name)
    assert not models.exists()


def test_what_a_killed_import_left_is_gone_with_the_next(published: Published, run_import: Importer, models: Path) -> None:
    """Half a gigabyte that nobody sees; one that is under way keeps its place."""
    left, under_way = models / ".import-left", models / ".import-other"
    for folder in (left, under_way):
        (folder / "new").mkdir(parents=True)
    two_hours_ago = time.time() - 7200
    os.utime(left, (two_hours_ago, two_hours_ago))
    published.write_all()
    run_import(published.folder)
    assert sorted(path.name for path in models.iterdir()) == [".import-other", "clip-vit-b32", NAME]
