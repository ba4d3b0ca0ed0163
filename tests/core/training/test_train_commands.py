"""`python -m core train ...` with clips and sentences of one's own, from motion files to a model that generates."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from understudy.core.__main__ import main
from understudy.core.body.text_reader import ReaderConfig
from understudy.core.checkpoints import BodyConfigs, read_card
from understudy.core.contract import BodyRequest
from understudy.core.service import Service
from understudy.core.training import sizes, train_flow, train_residual, train_tokenizer, train_tokens
from understudy.core.training.corpus import Corpus
from understudy.core.training.evaluation.judge import load_judge
from understudy.tests.core.training.sample_data import REPO, needs_data
from understudy.tests.core.training.small_corpora import MADE_CAPTIONS, quiet, with_contents, write_captions, write_made_clips

NETWORKS = ("tokenizer", "tokens", "residual", "flow", "length", "matcher")
Train = Callable[..., int]


@pytest.fixture
def train(tmp_path: Path, tiny_configs: BodyConfigs, monkeypatch: pytest.MonkeyPatch) -> Train:
    """One `train` command at a thousandth of the size, on the corpus and in the run folder of this test."""
    monkeypatch.setattr(sizes, "STARTER", tiny_configs)
    for module in (train_tokens, train_residual):
        monkeypatch.setattr(module, "VALIDATION_BATCHES", 1)
        monkeypatch.setattr(module, "VALIDATION_SIZE", 4)
    for module in (train_tokenizer, train_flow):
        monkeypatch.setattr(module, "VALIDATION_WINDOWS", 4)

    def run(what: str, *options: str | Path, steps: int = 2) -> int:
        bundle = ["--run", tmp_path / "run", "--out", tmp_path / "models" / "mine"]
        places = {"prepare": ["--out", tmp_path / "corpus.npz"], "bundle": bundle}
        network = ["--corpus", tmp_path / "corpus.npz", "--run", tmp_path / "run", "--steps", steps, "--batch-size", 3, "--threads", 1]
        return main([str(word) for word in ("train", what, *places.get(what, network), *options)])

    return run


def generated(folder: Path) -> np.ndarray:
    reply = Service((folder,)).body(BodyRequest(1, "a person walks", 1.0, steps=2, model="mine"), quiet)
    return reply.motions[0].translation


@needs_data
def test_the_sample_files_become_a_model(
    train: Train, sample_folder: Path, minilm_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = {path.stem: [f"somebody does {number}"] for number, path in enumerate(sample_folder.glob("*.bvh"))}
    assert train("prepare", "--folder", sample_folder, "--captions", write_captions(tmp_path / "captions.jsonl", clips)) == 0
    assert re.search(r"corpus\.npz: \d+ stretches, \d\.\d minutes with mirrored copies, 6 sentences", capsys.readouterr().out)
    for network in NETWORKS:
        assert train(network) == 0, network
    assert train("bundle", "--title", "Mine", "--licence", "CC BY-NC 4.0", "--attribution", "Bandai Namco Research Inc.") == 0
    assert re.search(r"mine: \d\.\d MB, sha256 [0-9a-f]{64}", capsys.readouterr().out)
    card = json.loads((tmp_path / "models" / "mine" / "bundle.json").read_text())
    assert card["attribution"] == ["Bandai Namco Research Inc."] and card["licence"] == "CC BY-NC 4.0"
    assert generated(tmp_path / "models").shape == (21, 3)


@pytest.mark.parametrize(("seconds", "names"), [(1.1, ("wave", "bow")), (2.0, ("wave",)), (3.5, ("wave", "stand"))])
def test_very_few_and_very_short_clips_are_enough(
    seconds: float, names: tuple[str, ...], train: Train, minilm_folder: Path, tmp_path: Path
) -> None:
    write_made_clips(tmp_path / "clips", seconds, names)
    captions = write_captions(tmp_path / "captions.jsonl", {"wave": ["someone waves with the left hand"]})
    assert train("prepare", "--folder", tmp_path / "clips", "--captions", captions) == 0
    for network in NETWORKS:
        assert train(network, "--sizes", "starter") == 0, network
    assert train("bundle") == 0
    assert np.isfinite(generated(tmp_path / "models")).all()


def test_files_and_sentences_that_are_of_no_use_are_told(train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_made_clips(tmp_path / "clips", 2.0, ("wave", "circle"))
    write_made_clips(tmp_path / "clips", 0.6, ("bow",))
    captions = {"wave": MADE_CAPTIONS["wave"], "bow": ["bows"], "wawe": ["waves"], "Circle": ["goes round"]}
    assert train("prepare", "--folder", tmp_path / "clips", "--captions", write_captions(tmp_path / "captions.jsonl", captions)) == 0
    told = capsys.readouterr().err
    assert "captions for clips that are not in the folder: Circle, wawe." in told
    assert "shorter than a second, and left out: bow." in told
    assert "without a sentence of at least a second, so that no prompt will lead to them: circle." in told


def test_nothing_is_told_where_everything_is_of_use(train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_made_clips(tmp_path / "clips", 2.0, ("wave",))
    assert train("prepare", "--folder", tmp_path / "clips", "--captions", write_captions(tmp_path / "c.jsonl", {"wave": ["waves"]})) == 0
    assert "understudy:" not in capsys.readouterr().err


def test_without_captions_the_motion_networks_train_and_the_others_ask_for_them(
    train: Train, minilm_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_made_clips(tmp_path / "clips", 2.0, ("wave",))
    assert train("prepare", "--folder", tmp_path / "clips") == 0
    assert train("tokenizer") == train("flow") == 0
    for network in ("tokens", "residual", "length"):
        capsys.readouterr()
        assert train(network) == 1
        assert "no sentences: prepare it again with --captions" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "Nothing to prepare"),
        (["--folder", "EMPTY"], "No motion of at least one second was found"),
        (["--folder", "EMPTY/nowhere"], "No motion of at least one second was found"),
        (["--packs", "EMPTY"], "captions.jsonl cannot be read"),
        (["--packs", "EMPTY", "--captions", "EMPTY/captions.jsonl"], "--folder"),
        (["--folder", "EMPTY", "--captions", "EMPTY/nowhere.jsonl"], "nowhere.jsonl cannot be read"),
    ],
)
def test_what_cannot_be_prepared_is_told_in_a_sentence(
    options: list[str], told: str, train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert train("prepare", *(option.replace("EMPTY", str(tmp_path / "empty")) for option in options)) == 1
    error = capsys.readouterr().err
    assert told in error and "Traceback" not in error
    assert not (tmp_path / "corpus.npz").exists()


def test_a_broken_file_among_good_ones_is_named(train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_made_clips(tmp_path / "clips", 2.0, ("wave",))
    (tmp_path / "clips" / "half.bvh").write_text((tmp_path / "clips" / "wave.bvh").read_text()[:3000])
    assert train("prepare", "--folder", tmp_path / "clips") == 1
    assert "half.bvh" in capsys.readouterr().err


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_without_a_corpus_tells_how_to_make_one(network: str, train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(network) == 1
    assert "make it with `python -m core train prepare`" in capsys.readouterr().err


@pytest.mark.parametrize("network", ["tokens", "residual", "flow"])
def test_a_network_before_the_tokenizer_tells_to_train_that_first(
    network: str, train: Train, tmp_path: Path, made_corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    made_corpus.save(tmp_path / "corpus.npz")
    assert train(network) == 1
    assert "train it first with `python -m core train tokenizer`" in capsys.readouterr().err
    assert train("bundle") == 1
    assert "no trained tokenizer, tokens, flow, length yet" in capsys.readouterr().err


def test_a_bundle_without_residual_layers_does_not_ask_for_their_network(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("bundle", "--residual-layers", "0") == train("bundle") == 1
    assert "no trained tokenizer, tokens, flow, length yet" in capsys.readouterr().err


def test_the_same_command_goes_on_where_it_was_stopped(train: Train, tmp_path: Path, made_corpus: Corpus) -> None:
    made_corpus.save(tmp_path / "corpus.npz")
    assert train("tokenizer", steps=3) == train("tokenizer", steps=5) == 0
    log = [json.loads(line) for line in (tmp_path / "run" / "tokenizer" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [3, 3, 5, 5]


def test_a_run_has_the_patience_that_it_is_given(train: Train, tmp_path: Path, made_corpus: Corpus) -> None:
    made_corpus.save(tmp_path / "corpus.npz")
    assert train("tokenizer", "--patience", "100") == 0
    assert json.loads((tmp_path / "run" / "tokenizer" / "config.json").read_text())["schedule"]["patience"] == 100


def test_a_judge_is_trained_and_written(
    train: Train, tmp_path: Path, made_corpus: Corpus, minilm_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_corpus.save(tmp_path / "corpus.npz")
    assert train("judge") == 0
    assert "a judge for `evaluate body --judge" in capsys.readouterr().out
    assert load_judge(tmp_path / "run" / "judge").config.n_features == made_corpus.features.shape[1]


def test_a_judge_cannot_start_from_a_model(
    train: Train, tmp_path: Path, made_corpus: Corpus, tiny_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_corpus.save(tmp_path / "corpus.npz")
    assert train("judge", "--start-from", tiny_bundle) == 1
    assert "has no judge network to start from: train it without --start-from." in capsys.readouterr().err


def test_the_networks_after_a_reader_are_trained_on_what_it_reads(
    train: Train, tmp_path: Path, made_corpus: Corpus, tiny_bundle: Path, tiny_configs: BodyConfigs, minilm_folder: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(sizes, "STARTER", replace(tiny_configs, reader=ReaderConfig(width=16)))
    with_contents(made_corpus).save(tmp_path / "corpus.npz")
    for network in ("tokenizer", "flow", "length", "residual", "matcher", "tokens"):
        assert train(network) == 0
    assert train("reader") == 0
    assert train("bundle") == 1
    assert "a reader that is newer than its tokens, matcher: train these again" in capsys.readouterr().err
    for network in ("matcher", "tokens"):
        shutil.rmtree(tmp_path / "run" / network)
    assert train("tokens", "--start-from", tiny_bundle) == train("matcher") == train("bundle") == 0
    card = read_card(tmp_path / "models" / "mine")
    assert card.networks.reader and card.networks.reader.contents == ("bow", "circle", "stand", "wave")
    assert card.networks.tokens.text_width == card.networks.reader.reading_width == 6
    assert card.networks.matcher and card.networks.matcher.word_width == 0
    assert np.isfinite(generated(tmp_path / "models")).all()


def test_a_reader_of_ones_own_clips_is_refused_because_they_have_no_contents(
    train: Train, tmp_path: Path, made_corpus: Corpus, tiny_configs: BodyConfigs, minilm_folder: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(sizes, "STARTER", replace(tiny_configs, reader=ReaderConfig(width=16)))
    made_corpus.save(tmp_path / "corpus.npz")
    assert train("reader") == 1
    assert "train the other networks without a reader" in capsys.readouterr().err


def test_a_model_is_trained_further_with_another_dropout_or_first_local_context_but_not_with_other_sizes(
    train: Train, tmp_path: Path, made_corpus: Corpus, tiny_bundle: Path, tiny_configs: BodyConfigs,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    made_corpus.save(tmp_path / "corpus.npz")
    assert train("tokenizer") == 0
    monkeypatch.setattr(sizes, "STARTER", replace(tiny_configs, tokens=replace(tiny_configs.tokens, dropout=0.01)))
    assert train("tokens", "--start-from", tiny_bundle) == 0
    assert json.loads((tmp_path / "run" / "tokens" / "config.json").read_text())["config"]["dropout"] == 0.01
    (tmp_path / "run" / "tokens" / "checkpoint.pt").unlink()
    monkeypatch.setattr(sizes, "STARTER", replace(tiny_configs, tokens=replace(tiny_configs.tokens, local_blocks=1)))
    assert train("tokens", "--start-from", tiny_bundle) == 0
    assert json.loads((tmp_path / "run" / "tokens" / "config.json").read_text())["config"]["local_blocks"] == 1
    (tmp_path / "run" / "tokens" / "checkpoint.pt").unlink()
    monkeypatch.setattr(sizes, "STARTER", replace(tiny_configs, tokens=replace(tiny_configs.tokens, width=32)))
    assert train("tokens", "--start-from", tiny_bundle) == 1
    assert "has other sizes than --sizes asks for" in capsys.readouterr().err


@needs_data
def test_prepare_runs_as_a_program_of_its_own(sample_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "core", "train", "prepare", "--folder", str(sample_folder), "--out", str(tmp_path / "corpus.npz")]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout[: len(str(tmp_path))]) == (0, str(tmp_path)), done.stderr
    assert {stretch.clip for stretch in Corpus.load(tmp_path / "corpus.npz").stretches} >= {"02_01", "02_01_original", "05_06"}
