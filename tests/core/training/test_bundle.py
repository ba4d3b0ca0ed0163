"""Five finished runs become a model that the service loads and generates with."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from understudy.core.checkpoints import BodyConfigs, build_networks, load_pipeline, read_card
from understudy.core.contract import BodyRequest, UnderstudyError
from understudy.core.service import Service
from understudy.core.training.bundle import Sampling, make_bundle
from understudy.core.training.corpus import Corpus
from understudy.core.training.run import Hardware, Run, Schedule
from understudy.core.training.train_tokenizer import fitted_representation
from understudy.tests.core.training.small_corpora import quiet

NETWORKS = ("tokenizer", "tokens", "residual", "flow", "length", "matcher")


class FinishedTask:
    """A network that needs no more training."""

    def __init__(self, network: nn.Module, extra: dict[str, Any]) -> None:
        self.network, self._extra = network, extra

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        raise AssertionError("it is finished")

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        return {"loss": 0.0}

    def extra_state(self) -> dict[str, Any]:
        return self._extra

    def load_extra_state(self, state: dict[str, Any]) -> None:
        self._extra = state


@pytest.fixture(scope="module")
def runs(made_corpus: Corpus, tiny_configs: BodyConfigs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    networks = build_networks(tiny_configs)
    for book in networks.tokenizer.quantizer.books:
        book.codebook.normal_(std=0.1)
    representation = fitted_representation(made_corpus)
    statistics = {"statistics": {"mean": representation.mean, "std": representation.std}}
    for name in NETWORKS:
        task = FinishedTask(getattr(networks, name), statistics if name == "tokenizer" else {})
        run = Run(folder / name, task, Schedule(0, 1, 1e-3), Hardware(), getattr(tiny_configs, name))
        with torch.no_grad():
            for parameter in task.network.parameters():
                parameter.add_(100.0)  # only the averaged weights may be bundled
        run.save()
    return folder


def test_the_service_loads_what_was_bundled_and_generates(runs: Path, minilm_folder: Path, tmp_path: Path) -> None:
    card = make_bundle(runs, tmp_path / "mine", "My model", "CC0-1.0", ("me",), Sampling(2.5, 2, 3))
    assert (card.name, card.title, card.licence, card.attribution) == ("mine", "My model", "CC0-1.0", ("me",))
    reply = Service((tmp_path,)).body(BodyRequest(1, "a person waves, then bows", 2.0, seed=3, steps=2, model="mine"), quiet)
    motion = reply.motions[0]
    assert len(motion.translation) == 41 and np.isfinite(motion.rotations).all() and np.isfinite(motion.translation).all()
    assert motion.recipe.model == "mine" and card.sha256.startswith(motion.recipe.weights)


def test_how_tokens_are_drawn_is_kept_in_the_card_and_used(runs: Path, minilm_folder: Path, tmp_path: Path) -> None:
    def tokens(**drawn: float) -> Tensor:
        make_bundle(runs, tmp_path / "mine", "My model", "CC0-1.0", (), Sampling(2.5, 0, 1, **drawn))
        pipeline, card = load_pipeline(tmp_path / "mine", torch.device("cpu"))
        assert (card.temperature, card.choice_noise) == (drawn.get("temperature", 1.0), drawn.get("choice_noise", 0.0))
        return pipeline.tokens(BodyRequest(1, "a person waves", 4.0, seed=3, model="mine"))

    plain = tokens()
    assert torch.equal(plain, tokens())
    assert not torch.equal(plain, tokens(temperature=3.0))
    assert not torch.equal(plain, tokens(choice_noise=20.0))


def test_averaged_weights_and_statistics_are_in_the_bundle(runs: Path, minilm_folder: Path, made_corpus: Corpus, tmp_path: Path) -> None:
    make_bundle(runs, tmp_path / "mine", "My model", "CC0-1.0", (), Sampling(2.5, 5, 1))
    pipeline, _ = load_pipeline(tmp_path / "mine", torch.device("cpu"))
    for network in filter(None, vars(pipeline._networks).values()):
        assert max(float(parameter.abs().max()) for parameter in network.parameters()) < 50
    representation = fitted_representation(made_corpus)
    assert torch.equal(pipeline._representation.mean, representation.mean) and torch.equal(pipeline._representation.std, representation.std)


def test_the_card_tells_the_sizes_of_the_runs(runs: Path, tiny_configs: BodyConfigs, tmp_path: Path) -> None:
    make_bundle(runs, tmp_path / "mine", "My model", "CC0-1.0", (), Sampling(2.5, 5, 1))
    assert read_card(tmp_path / "mine").networks == tiny_configs


@pytest.mark.parametrize("missing", [("flow",), ("tokens", "length"), NETWORKS[:-1]])
def test_networks_that_are_not_trained_are_named(missing: tuple[str, ...], runs: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(runs, tmp_path / "runs"))
    for name in missing:
        shutil.rmtree(copy / name)
    with pytest.raises(UnderstudyError, match=f"no trained {', '.join(missing)} yet: run .*train {missing[0]}"):
        make_bundle(copy, tmp_path / "mine", "My model", "CC0-1.0", (), Sampling(2.5, 5, 1))
    assert not (tmp_path / "mine").exists()


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnderstudyError, match="no trained tokenizer"):
        make_bundle(tmp_path / "nowhere", tmp_path / "mine", "My model", "CC0-1.0", (), Sampling(2.5, 5, 1))


@pytest.mark.parametrize("is_trained", [True, False])
def test_without_residual_layers_their_network_is_left_out(is_trained: bool, runs: Path, minilm_folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(runs, tmp_path / "runs"))
    if not is_trained:
        shutil.rmtree(copy / "residual")
    card = make_bundle(copy, tmp_path / "models" / "mine", "My model", "CC0-1.0", (), Sampling(2.5, 0, 1))
    assert card.networks.residual is None and card.residual_layers == 0 and read_card(tmp_path / "models" / "mine") == card
    assert not any(name.startswith("residual.") for name in load_file(tmp_path / "models" / "mine" / "model.safetensors"))
    reply = Service((tmp_path / "models",)).body(BodyRequest(1, "a person waves", 1.0, seed=3, steps=2, model="mine"), quiet)
    assert np.isfinite(reply.motions[0].rotations).all() and "residual transformer" not in {lap.stage for lap in reply.times}


def test_without_a_matcher_there_is_one_candidate(runs: Path, minilm_folder: Path, tmp_path: Path) -> None:
    assert make_bundle(runs, tmp_path / "with", "My model", "CC0-1.0", (), Sampling(2.5, 5, 4)).candidates == 4
    copy = Path(shutil.copytree(runs, tmp_path / "runs"))
    shutil.rmtree(copy / "matcher")
    card = make_bundle(copy, tmp_path / "without", "My model", "CC0-1.0", (), Sampling(2.5, 5, 4))
    assert card.candidates == 1 and card.networks.matcher is None and read_card(tmp_path / "without") == card
    load_pipeline(tmp_path / "without", torch.device("cpu"))


def test_the_last_weights_are_taken_of_the_networks_that_are_named(runs: Path, minilm_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "runs"
    shutil.copytree(runs, copy)
    for network in ("tokens", "flow"):
        state = torch.load(copy / network / "checkpoint.pt", weights_only=True)
        state["best"]["weights"] = {name: tensor.clone() for name, tensor in state["averaged"].items()}
        state["averaged"] = {name: tensor + 1 if tensor.is_floating_point() else tensor for name, tensor in state["averaged"].items()}
        torch.save(state, copy / network / "checkpoint.pt")
    make_bundle(copy, tmp_path / "best", "", "", (), Sampling(2.5))
    make_bundle(copy, tmp_path / "last", "", "", (), Sampling(2.5), ("tokens",))
    best, last = (load_file(tmp_path / name / "model.safetensors") for name in ("best", "last"))
    assert torch.allclose(last["tokens.cond_emb.weight"], best["tokens.cond_emb.weight"] + 1, atol=1e-2)
    assert all(torch.equal(last[name], best[name]) for name in best if not name.startswith("tokens."))
