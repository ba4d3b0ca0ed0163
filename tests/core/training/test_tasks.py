"""Each of the networks: it learns, it goes on bit for bit where it was stopped, and its batches depend on the step alone."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.body.flow_decoder import RectifiedFlowDecoder, smoothed
from understudy.core.body.motion_tokens import NO_CODE, MotionTokenizer
from understudy.core.body.text_reader import ReaderConfig, TextReader
from understudy.core.checkpoints import BodyConfigs
from understudy.core.contract import BadRequest
from understudy.core.training import train_residual, train_tokens
from understudy.core.training.corpus import Corpus
from understudy.core.training.run import Hardware, Run, Schedule, Task
from understudy.core.training.text_motion import TextMotionSampler
from understudy.core.training.train_flow import (
    CALMEST_WEIGHT,
    DRIFT_WEIGHT,
    STEP_OF_STEP_WEIGHT,
    STEP_WEIGHT,
    FlowTask,
    as_refining,
    time_weighed,
)  # fmt: skip
from understudy.core.training.train_length import LengthTask
from understudy.core.training.train_matcher import MatcherTask, described_first
from understudy.core.training.train_reader import ReaderTask, read_sentences
from understudy.core.training.train_residual import ResidualTask
from understudy.core.training.train_tokenizer import TokenizerTask, fitted_representation, root_drift
from understudy.core.training.train_tokens import MaskTask, hidden_tokens
from understudy.tests.core.training.small_corpora import encoded_by_chance, with_contents

CPU = torch.device("cpu")
ONE = torch.ones(1, dtype=torch.float64)
NETWORKS = ("tokenizer", "tokens", "residual", "flow", "length", "reader", "matcher")
MakeTask = Callable[[str], Task]


@pytest.fixture(autouse=True)
def small_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (train_tokens, train_residual):
        monkeypatch.setattr(module, "VALIDATION_BATCHES", 1)
        monkeypatch.setattr(module, "VALIDATION_SIZE", 8)


@pytest.fixture(scope="module")
def make_task(made_corpus: Corpus, tiny_configs: BodyConfigs) -> MakeTask:
    torch.manual_seed(0)
    tokenizer = MotionTokenizer(tiny_configs.tokenizer).eval().requires_grad_(False)
    for book in tokenizer.quantizer.books:
        book.codebook.normal_(std=0.1)
    representation, sentences = fitted_representation(made_corpus), encoded_by_chance(made_corpus)
    sampler = TextMotionSampler(made_corpus, "train", sentences, tokenizer, representation)

    def make(network: str) -> Task:
        if network == "tokenizer":
            return TokenizerTask(made_corpus, dataclasses.replace(tiny_configs.tokenizer, dropout=0.1), CPU)
        if network == "reader":
            return ReaderTask(with_contents(made_corpus), ReaderConfig(width=16), sentences, CPU)
        if network == "length":
            return LengthTask(made_corpus, tiny_configs.length, sentences, CPU)
        if network == "flow":
            return FlowTask(made_corpus, tiny_configs.flow, tokenizer, representation, CPU)
        kinds = {"tokens": MaskTask, "residual": ResidualTask, "matcher": MatcherTask}
        return kinds[network](getattr(tiny_configs, network), sampler, sampler, CPU)

    return make


def run_of(folder: Path, task: Task, steps: int, batch_size: int = 4, rate: float = 1e-3) -> Run:
    return Run(folder, task, Schedule(steps, batch_size, rate, warmup=2), Hardware(log_every=1000, save_every=1000), task.network.config)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_run_stopped_and_resumed_is_bit_for_bit_the_run_that_was_not(network: str, make_task: MakeTask, tmp_path: Path) -> None:
    torch.manual_seed(1)
    whole = run_of(tmp_path / "whole", make_task(network), steps=5)
    torch.manual_seed(1)
    stopped = run_of(tmp_path / "parts", make_task(network), steps=5)
    whole.train()
    stopped.train(stop=lambda: stopped.step >= 3)
    torch.manual_seed(2)
    resumed = run_of(tmp_path / "parts", make_task(network), steps=5)
    resumed.train()
    assert stopped.step == 3 and resumed.step == 5
    for one, other in ((whole.task.network, resumed.task.network), (whole.averaged, resumed.averaged)):
        for (name, expected), found in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
            assert torch.equal(expected, found), name


@pytest.mark.parametrize(
    ("network", "rate", "part"),
    [
        ("tokenizer", 5e-3, 0.7),
        ("tokens", 5e-3, 0.9),
        ("residual", 5e-3, 0.97),
        ("flow", 5e-3, 0.8),
        ("length", 1e-2, 0.3),
        ("reader", 1e-2, 0.6),
    ],
)
def test_the_loss_falls(network: str, rate: float, part: float, make_task: MakeTask, tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained, losses = run_of(tmp_path, make_task(network), steps=60, batch_size=8, rate=rate), []
    for _ in range(60):
        losses.append(trained._one_step()["loss"])
        trained.step += 1
    assert np.isfinite(losses).all()
    assert np.mean(losses[-8:]) < part * np.mean(losses[1:6])


@pytest.mark.parametrize("network", NETWORKS)
def test_figures_of_a_validation_are_numbers_and_the_same_each_time(network: str, make_task: MakeTask) -> None:
    task = make_task(network)
    if network == "tokenizer":
        task.loss(4, torch.Generator().manual_seed(0))
    task.network.eval()
    with torch.inference_mode():
        first, again = task.validate(task.network), task.validate(task.network)
    assert "loss" in first and first == again
    assert all(np.isfinite(value) for value in first.values())


@pytest.mark.parametrize("network", NETWORKS)
def test_every_parameter_learns(network: str, make_task: MakeTask) -> None:
    task = make_task(network)
    for seed in range(12):
        task.loss(16, torch.Generator().manual_seed(seed))[0].backward()
    assert [name for name, parameter in task.network.named_parameters() if parameter.grad is None or not parameter.grad.any()] == []


def test_hidden_tokens_are_described_ones_and_at_least_one_a_row(make_task: MakeTask) -> None:
    task = make_task("tokens")
    assert isinstance(task, MaskTask)
    shares = []
    for seed in range(40):
        generator = torch.Generator().manual_seed(seed)
        batch = task._train.sample(16, generator)
        hidden = hidden_tokens(batch, generator)
        candidates = ~batch.pad & ~batch.context
        assert not (hidden & ~candidates).any() and bool(hidden.any(-1).all())
        shares += (hidden.sum(-1) / candidates.sum(-1)).tolist()
    # The mean of cos(pi u / 2) is 2 / pi
    assert np.mean(shares) == pytest.approx(2 / np.pi, abs=0.04)
    assert min(shares) < 0.2 and max(shares) > 0.98


@pytest.mark.parametrize("group", [1, 3, 8, 100])
def test_rows_in_groups_of_a_length_give_what_all_rows_together_give(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    task = make_task("tokens")
    assert isinstance(task, MaskTask)
    network, batch = task.network.eval(), task._train.sample(16, torch.Generator().manual_seed(2))
    ids = batch.ids[..., 0].masked_fill(batch.pad, network.pad_id)
    text = batch.text.with_dropped(torch.arange(16) % 5 == 0)
    monkeypatch.setattr(train_tokens, "GROUP", group)
    with torch.inference_mode():
        grouped, whole = train_tokens.grouped_logits(network, ids, text, batch.pad), network(ids, text, batch.pad)
    assert torch.allclose(grouped[~batch.pad], whole[~batch.pad], atol=1e-5)


def test_of_the_hidden_tokens_most_are_masked_some_random_and_some_left(make_task: MakeTask) -> None:
    task = make_task("tokens")
    assert isinstance(task, MaskTask)
    network, counts = task.network, np.zeros(3)
    for seed in range(60):
        generator = torch.Generator().manual_seed(seed)
        batch = task._train.sample(16, generator)
        hidden = hidden_tokens(batch, generator)
        ids = task._corrupted(network, batch, hidden, generator)
        assert torch.equal(ids[~hidden & ~batch.pad], batch.ids[..., 0][~hidden & ~batch.pad])
        assert bool((ids[batch.pad] == network.pad_id).all()) and NO_CODE not in ids
        masked, same = ids[hidden] == network.mask_id, ids[hidden] == batch.ids[..., 0][hidden]
        counts += [int(masked.sum()), int(same.sum()), int((~masked & ~same).sum())]
    shares = counts / counts.sum()
    assert shares[0] == pytest.approx(0.9 * 0.88, abs=0.02)
    assert shares[2] == pytest.approx(0.1 * 31 / 32, abs=0.02)


@pytest.mark.parametrize("cycles_a_frame", [0.0, 0.05, 0.25, 0.5])
def test_an_error_counts_more_the_faster_it_changes(cycles_a_frame: float) -> None:
    frames = torch.arange(4000, dtype=torch.float64)
    wave = torch.cos(2 * np.pi * cycles_a_frame * frames)[None, :, None]
    # |1 - exp(-i w)|^2, the response of a step to a wave
    response = (2 * np.sin(np.pi * cycles_a_frame)) ** 2
    expected = float(wave.square().mean()) * (1 + STEP_WEIGHT * response + STEP_OF_STEP_WEIGHT * response**2)
    assert float(time_weighed(wave, slice(0, 0), torch.ones(1))) == pytest.approx(expected, rel=2e-3)


def test_an_error_of_the_root_that_adds_up_counts_by_its_sum() -> None:
    steady, swinging = torch.zeros(1, 64, 4, dtype=torch.float64), torch.zeros(1, 64, 4, dtype=torch.float64)
    steady[..., 1] = 0.1
    swinging[..., 1] = 0.1 * torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(16)
    root = slice(0, 3)
    sums = 0.1 * torch.arange(1, 65)
    expected = 0.01 / 4 + DRIFT_WEIGHT * float(sums.square().mean()) / 4
    assert float(time_weighed(steady, root, ONE)) == pytest.approx(expected)
    assert float(time_weighed(steady, root, ONE)) > 8 * float(time_weighed(swinging, root, ONE))
    assert float(time_weighed(steady, slice(2, 4), ONE)) == pytest.approx(0.01 / 4)


def test_jitter_counts_more_in_a_calm_window(make_task: MakeTask) -> None:
    task = make_task("flow")
    assert isinstance(task, FlowTask)
    wave = torch.sin(torch.arange(64.0) * 2)[None, :, None].expand(3, 64, 161)
    usual = task._usual_unrest / float(wave[0].diff(n=2, dim=0).square().mean())
    data = wave * torch.tensor([0.0, usual**0.5, 100 * usual**0.5])[:, None, None]
    expected = [CALMEST_WEIGHT, 1 / (1 + 1 / CALMEST_WEIGHT), 1 / (10_000 + 1 / CALMEST_WEIGHT)]
    assert task._calmness(data).tolist() == pytest.approx(expected, rel=1e-3)
    jitter = torch.randn(2, 64, 161)
    whole = time_weighed(jitter, slice(0, 0), torch.tensor([1.0, 3.0]))
    parts = [time_weighed(each[None], slice(0, 0), torch.tensor([weight])) for each, weight in zip(jitter, (1.0, 3.0), strict=True)]
    assert float(whole) == pytest.approx(float(sum(parts) / 2), rel=1e-5)


def test_the_drift_of_a_decoded_root_is_what_the_motion_shows(made_corpus: Corpus) -> None:
    circle = next(stretch for stretch in made_corpus.stretches if stretch.clip == "circle" and not stretch.mirrored)
    raw, representation = made_corpus.frames(circle), fitted_representation(made_corpus)
    wrong = raw.clone()
    wrong[:, 0] += 0.2  # rad/s
    drift = root_drift(representation, representation.normalise(wrong[None]), raw[None])[0]
    assert torch.allclose(drift[:, 0], 0.2 * torch.arange(1, len(raw) + 1) / 20, atol=1e-4)
    assert float(drift[:, 1:].abs().max()) < 1e-4


def test_the_flow_decoder_sees_all_layers_of_half_of_the_windows_and_fewer_of_the_others(make_task: MakeTask) -> None:
    task = make_task("flow")
    assert isinstance(task, FlowTask)
    data, generator = torch.zeros(6000, 4, 161), torch.Generator().manual_seed(0)
    shares = torch.bincount(task._layers_of(data, generator), minlength=7) / 6000
    assert shares[0] == 0 and shares[1:6].tolist() == pytest.approx([0.5 / 6] * 5, abs=0.015)
    assert float(shares[6]) == pytest.approx(0.5 + 0.5 / 6, abs=0.02)


def test_codes_of_fewer_layers_are_sums_of_those_layers(make_task: MakeTask) -> None:
    task = make_task("flow")
    assert isinstance(task, FlowTask)
    data = torch.randn(3, 16, 161)
    tokenizer = task._tokenizer
    ids, books = tokenizer.encode(data), tokenizer.quantizer.books
    codes = task._codes(data, torch.tensor([1, 3, 6]))
    for row, layers in enumerate((1, 3, 6)):
        expected = sum(books[layer].codebook[ids[row, :, layer]] for layer in range(layers))
        assert torch.allclose(codes[row], expected, atol=1e-6)


def test_the_representation_has_the_statistics_of_the_training_split_only(made_corpus: Corpus) -> None:
    first, *others = made_corpus.stretches
    cut = dataclasses.replace(made_corpus, stretches=(first, *(dataclasses.replace(each, split="test") for each in others)))
    representation = fitted_representation(cut)
    assert torch.allclose(representation.mean, made_corpus.frames(first).mean(0), atol=1e-5)
    assert bool((representation.std > 0).all())


def test_described_tokens_are_moved_to_the_beginning() -> None:
    ids = torch.tensor([[7, 8, 1, 2, 3], [4, 5, 6, -1, -1]])
    described = torch.tensor([[False, False, True, True, True], [True, True, True, False, False]])
    found, pad = described_first(ids, described)
    assert found.tolist() == [[1, 2, 3, -1, -1], [4, 5, 6, -1, -1]] and pad.tolist() == [[False] * 3 + [True] * 2] * 2


def test_a_decoder_that_predicted_the_motion_begins_to_refine_by_leaving_the_sketch_as_it_is(tiny_configs: BodyConfigs) -> None:
    plain = RectifiedFlowDecoder(dataclasses.replace(tiny_configs.flow, refines=False))
    refining = RectifiedFlowDecoder(tiny_configs.flow)
    refining.load_state_dict(as_refining(plain.state_dict(), 161))
    y, noise, sketch = torch.randn(2, 4, 16), torch.randn(2, 16, 161), torch.randn(2, 16, 161)
    assert torch.allclose(refining.decode(y, noise, 5, sketch=sketch), smoothed(sketch.mT).mT, atol=1e-5)
    hidden = [net.init_proj(torch.randn(1, net.init_proj.in_channels, 8, generator=torch.Generator().manual_seed(1)))
              for net in (plain.net, refining.net)]  # fmt: skip
    assert hidden[0].shape == hidden[1].shape
    assert torch.equal(refining.net.init_proj.weight[:, : plain.net.init_proj.in_channels], plain.net.init_proj.weight)


def test_a_reader_learns_which_contents_the_sentences_name_and_names_them(made_corpus: Corpus, tmp_path: Path) -> None:
    corpus, sentences = with_contents(made_corpus), encoded_by_chance(made_corpus)
    task = ReaderTask(corpus, ReaderConfig(width=32), sentences, CPU)
    assert task.network.config.contents == ("bow", "circle", "stand", "wave")
    run_of(tmp_path, task, steps=40, batch_size=16, rate=1e-2).train()
    reader = task.network.eval()
    assert isinstance(reader, TextReader)
    for stretch in corpus.stretches:
        for index in stretch.spans[0].sentences:
            found = reader.read(sentences.rows([index])).pooled[0, :4].argmax()
            assert task.network.config.contents[int(found)] == stretch.content


def test_clips_of_one_content_give_a_reader_nothing_to_learn(made_corpus: Corpus) -> None:
    with pytest.raises(BadRequest, match="no contents to tell apart"):
        ReaderTask(made_corpus, ReaderConfig(width=16), encoded_by_chance(made_corpus), CPU)


def test_sentences_that_were_read_hold_what_the_reader_says_of_each(made_corpus: Corpus) -> None:
    sentences = encoded_by_chance(made_corpus)
    torch.manual_seed(0)
    reader = TextReader(ReaderConfig(("a", "b"), ("c",), width=16)).eval()
    read = read_sentences(sentences, reader)
    assert read.is_read and not sentences.is_read
    for index in range(len(made_corpus.sentences)):
        alone = reader.read(sentences.rows([index]))
        assert torch.allclose(read.rows([index]).pooled, alone.pooled, atol=1e-2)
        assert torch.equal(read.rows([index]).words, alone.words)


def test_half_of_the_sentences_that_were_read_hide_their_words_and_others_hide_none(
    made_corpus: Corpus, make_task: MakeTask, tiny_configs: BodyConfigs
) -> None:
    task = make_task("tokens")
    assert isinstance(task, MaskTask)
    text, generator = task._train.sample(64, torch.Generator().manual_seed(0)).text, torch.Generator().manual_seed(1)
    assert task._shown(text, 64, generator) is text
    read = dataclasses.replace(task._train._sentences, is_read=True)
    read_task = MaskTask(tiny_configs.tokens, copy.copy(task._train), task._train, CPU)
    read_task._train._sentences = read
    shown = read_task._shown(text, 64, generator)
    assert shown.pooled is text.pooled
    assert 20 <= int(shown.word_pad.all(-1).sum()) <= 44
