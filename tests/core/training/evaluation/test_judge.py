"""The judge learns to tell movements and manners apart, and sees a motion the same alone as beside longer ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from understudy.core.body.text_encoder import EncodedText
from understudy.core.contract import WeightsError
from understudy.core.training.corpus import Corpus
from understudy.core.training.evaluation.held_out_sentences import HeldOutSentences
from understudy.core.training.evaluation.judge import LONGEST_FRAMES, JudgeConfig, MotionJudge, judge_motions, load_judge, save_judge
from understudy.core.training.evaluation.train_judge import JudgeTask, matching_loss
from understudy.core.training.run import Hardware, Run, Schedule
from understudy.tests.core.training.small_corpora import encoded_by_chance

CONFIG = JudgeConfig(("walk", "wave"), ("happy", "sad", "normal"), 161, width=16, vector=8)


@pytest.fixture
def judge() -> MotionJudge:
    torch.manual_seed(0)
    return MotionJudge(CONFIG).eval()


def test_shapes(judge: MotionJudge) -> None:
    seen = judge_motions(judge, [torch.randn(frames, 161) for frames in (20, 96, 300)])
    assert seen.vectors.shape == (3, 8) and seen.contents.shape == (3, 2) and seen.styles.shape == (3, 3)
    assert torch.allclose(seen.contents.sum(-1), torch.ones(3)) and torch.allclose(seen.styles.sum(-1), torch.ones(3))


@pytest.mark.parametrize("frames", [16, 17, 50, 101])
def test_longer_neighbours_in_a_batch_change_nothing(judge: MotionJudge, frames: int) -> None:
    short = torch.randn(frames, 161)
    alone, together = judge_motions(judge, [short]), judge_motions(judge, [short, torch.randn(190, 161)])
    assert torch.allclose(alone.vectors[0], together.vectors[0], atol=1e-5)


def test_frames_beyond_the_longest_are_not_seen(judge: MotionJudge) -> None:
    long = torch.randn(LONGEST_FRAMES + 80, 161)
    assert torch.equal(judge_motions(judge, [long]).vectors, judge_motions(judge, [long[:LONGEST_FRAMES]]).vectors)


def test_padding_words_change_nothing(judge: MotionJudge) -> None:
    words, pooled = torch.randn(1, 6, 384), torch.randn(1, 384)
    short = EncodedText(pooled, words[:, :4], torch.zeros(1, 4, dtype=torch.bool))
    padded = EncodedText(pooled, words, torch.arange(6)[None] >= 4)
    assert torch.allclose(judge.sentence_vectors(short), judge.sentence_vectors(padded), atol=1e-6)


def test_it_is_saved_and_read(judge: MotionJudge, tmp_path: Path) -> None:
    save_judge(judge, tmp_path)
    motion = torch.randn(40, 161)
    assert torch.allclose(judge_motions(load_judge(tmp_path), [motion]).vectors, judge_motions(judge, [motion]).vectors, atol=0.02)
    (tmp_path / "judge.safetensors").unlink()
    with pytest.raises(WeightsError, match="train judge"):
        load_judge(tmp_path)


def test_our_own_judge_is_there_and_knows_the_names_of_the_held_out_sentences() -> None:
    book, config = HeldOutSentences(), load_judge().config
    assert set(book.contents) <= set(config.contents) and set(book.styles) == set(config.styles)
    assert {name for prompt in book.steps for name in (prompt.first, prompt.second)} <= set(config.contents)


def test_alike_pairs_are_no_wrong_answers() -> None:
    motions, sentences = torch.tensor([[0.0], [0.1]]), torch.tensor([[0.0], [0.1]])
    scale, nobody = torch.tensor(0.0), torch.zeros(2, 2, dtype=torch.bool)
    alike = ~torch.eye(2, dtype=torch.bool)
    assert float(matching_loss(motions, sentences, alike, scale)) == pytest.approx(0, abs=1e-6)
    assert float(matching_loss(motions, sentences, nobody, scale)) > 0.5


def test_it_learns_contents_and_their_sentences(made_corpus: Corpus, tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = JudgeTask(_with_contents(made_corpus), encoded_by_chance(made_corpus), torch.device("cpu"))
    assert len(task.network.config.contents) == 4
    before = validated(task)
    Run(tmp_path, task, Schedule(60, 16, 2e-3, warmup=5), Hardware(log_every=100, save_every=1000), task.network.config).train()
    after = validated(task)
    assert after["content"] > 0.95 > before["content"]
    assert after["contrast"] < before["contrast"]


def validated(task: JudgeTask) -> Mapping[str, float]:
    with torch.inference_mode():
        return task.validate(task.network.eval())


def _with_contents(corpus: Corpus) -> Corpus:
    named = tuple(dataclasses.replace(stretch, content=stretch.clip) for stretch in corpus.stretches)
    return dataclasses.replace(corpus, stretches=named)
