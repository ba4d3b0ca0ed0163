"""`evaluate body` from a corpus to its table: a tiny model, a judge of a few steps, clips that nobody recorded."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch

from understudy.core.__main__ import main
from understudy.core.geometry.rotations import matrix_from_quaternion
from understudy.core.training.corpus import Corpus
from understudy.core.training.evaluation import evaluation as evaluation_module
from understudy.core.training.evaluation.contenders import Model, Retrieval
from understudy.core.training.evaluation.directions import RULE_OF_CONTENT, RULES
from understudy.core.training.evaluation.evaluate_body import Examiner
from understudy.core.training.evaluation.held_out_clips import HeldOutClip
from understudy.core.training.evaluation.held_out_sentences import HeldOutSentences
from understudy.core.training.evaluation.judge import JudgeConfig, MotionJudge, save_judge
from understudy.core.training.evaluation.measured import Measured
from understudy.core.training.evaluation.observations import motion_of
from understudy.core.training.evaluation.statistics import Figure
from understudy.tests.core.training.small_corpora import encoded_by_chance


@pytest.fixture(scope="module")
def judge_folder(tmp_path_factory: pytest.TempPathFactory, made_corpus: Corpus) -> Path:
    folder = tmp_path_factory.mktemp("judge")
    torch.manual_seed(0)
    judge = MotionJudge(JudgeConfig(("bow", "stand", "wave"), ("normal", "sad"), 161, width=16, vector=8))
    judge.mean.copy_(made_corpus.features.mean(0))
    judge.std.copy_(made_corpus.features.std(0).clamp_min(1e-3))
    save_judge(judge, folder)
    return folder


@pytest.fixture
def small_book(monkeypatch: pytest.MonkeyPatch) -> None:
    def cut() -> HeldOutSentences:
        book = HeldOutSentences()
        book.contents = {"bow": book.contents["bow"][:2]}
        book.styles = {"sad": book.styles["sad"][:1]}
        book.directions = {"left-hand": book.directions["left-hand"][:1]}
        book.steps = book.steps[:1]
        return book

    monkeypatch.setattr(evaluation_module, "HeldOutSentences", cut)


def test_the_command_writes_table_figures_and_picture(
    made_corpus: Corpus, tiny_bundle: Path, judge_folder: Path, small_book: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_corpus.save(tmp_path / "corpus.npz")
    out = tmp_path / "out"
    options = ["--model", tiny_bundle, "--corpus", tmp_path / "corpus.npz", "--judge", judge_folder, "--split", "train"]
    pytest.importorskip("matplotlib")
    assert main(["evaluate", "body", *map(str, options), "--seeds", "2", "--prompt-seeds", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    rows = ("real motion", "generated", "VQ decoder instead", "nearest caption", "shuffled captions")
    assert all(f"| {row} |" in printed for row in rows) and "direction, mean of 1" in printed
    assert (out / "table.png").stat().st_size > 5000 and (out / "table.md").read_text().strip() == printed.strip()
    stored = json.loads((out / "evaluation.json").read_text())
    assert stored["rows"]["real motion"]["fid"]["mean"] == pytest.approx(0, abs=1e-6)
    assert stored["rows"]["generated"]["fid"]["mean"] > 0.01
    assert 0 < stored["rows"]["generated"]["sjpe"]["mean"] <= 1 and stored["rows"]["VQ decoder instead"]["mpjpe"]["mean"] > 0
    assert set(stored["obedience"]) == {"contents", "styles", "directions", "steps"}


@pytest.mark.parametrize(("options", "sentence"), [
    (["--corpus", "missing.npz"], "train prepare"), (["--seeds", "0"], "1 or more"), (["--limit", "0"], "1 or more"),
])  # fmt: skip
def test_what_cannot_be_measured_is_said(options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "body", *options]) == 1
    assert sentence in capsys.readouterr().err


def test_a_split_that_the_corpus_has_not_is_said(
    made_corpus: Corpus, judge_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_corpus.save(tmp_path / "corpus.npz")
    assert main(["evaluate", "body", "--corpus", str(tmp_path / "corpus.npz"), "--judge", str(judge_folder)]) == 1
    assert "no described motion in its test split" in capsys.readouterr().err


def test_both_decoders_get_the_same_tokens(tiny_bundle: Path) -> None:
    model = Model(tiny_bundle)
    flow, vq = model.with_flow_decoder(), model.with_vq_decoder()
    one, other = (contender.motions("a person walks", 41, 2) for contender in (flow, vq))
    again = Model(tiny_bundle).with_flow_decoder().motions("a person walks", 41, 2)
    assert all((a.rotations == b.rotations).all() for a, b in zip(one, again, strict=True))
    assert not (one[0].rotations == other[0].rotations).all() and one[0].rotations.shape == other[0].rotations.shape
    (request,) = model._drawn
    features = model.tokenizer.decode(model.tokens(request))
    pose, _ = model.representation.pose(model.representation.denormalise(features[0])[:41].double())
    arms = [index for index, name in enumerate(other[0].joint_names) if "elbow" in name]  # the foot lock leaves them alone
    assert torch.allclose(matrix_from_quaternion(torch.from_numpy(other[0].rotations[:, arms])), pose[:, arms].float(), atol=1e-4)


def test_retrieval_finds_the_clip_of_a_sentence_that_it_knows(made_corpus: Corpus, minilm_folder: Path) -> None:
    from understudy.core.body import minilm
    from understudy.core.checkpoints import load_text_encoder
    from understudy.core.training.encoded_sentences import EncodedSentences

    encoder = load_text_encoder(minilm.NAME)
    pooled = encoder.encode(list(made_corpus.sentences)).pooled.half()
    some = encoded_by_chance(made_corpus)
    retrieval = Retrieval(made_corpus, EncodedSentences(pooled, some.words, some.first), encoder)
    found = retrieval.motions("a person waves", 60, 3)
    waves = [made_corpus.frames(stretch)[:60] for stretch in made_corpus.stretches if stretch.clip == "wave"]
    assert all(any((motion.rotations == motion_of(wave).rotations).all() for wave in waves) for motion in found)
    assert len({motion.rotations.tobytes() for motion in found}) == 2  # the clip and its mirror image, in turn


def test_shuffled_sentences_leave_the_set_of_motions_as_it_is(made_corpus: Corpus, judge_folder: Path, minilm_folder: Path) -> None:
    from understudy.core.body import minilm
    from understudy.core.checkpoints import load_text_encoder
    from understudy.core.training.evaluation.judge import load_judge

    clips = [HeldOutClip(each.clip, made_corpus.frames(each), each.clip, each.clip, None) for each in made_corpus.stretches]
    examiner = Examiner.of(load_judge(judge_folder), load_text_encoder(minilm.NAME), clips)
    real, shuffled = examiner.real_row(3), examiner.shuffled_row(3)
    assert shuffled["fid"].mean == pytest.approx(0, abs=1e-6) and real["jerk"] == real["jerk"]
    assert shuffled["jerk"].mean == pytest.approx(real["jerk"].mean)
    assert real["jerk"].interval == pytest.approx(0, abs=1e-9)


def test_an_interval_is_that_of_the_mean() -> None:
    figure = Figure.of([1.0, 2.0, 3.0, 4.0])
    assert figure.mean == 2.5 and figure.interval == pytest.approx(1.96 * math.sqrt(5 / 3) / 2)
    assert math.isnan(Figure.of([1.0]).interval) and Figure.of([1.0]).text(2) == "1.00" and figure.text(1) == "2.5 ± 1.3"


def test_every_direction_word_has_sentences_and_a_rule() -> None:
    assert set(HeldOutSentences().directions) == set(RULES) >= set(RULE_OF_CONTENT.values())


def test_rules_tell_a_waving_hand(made_corpus: Corpus) -> None:
    sides = {
        stretch.mirrored: Measured.of(motion_of(made_corpus.frames(stretch)))
        for stretch in made_corpus.stretches
        if stretch.clip == "stand"
    }
    assert not any(
        RULES[name](seen) for name in ("forward", "backward", "turn-left", "left-hand", "both-hands", "faster") for seen in sides.values()
    )
    circle = next(stretch for stretch in made_corpus.stretches if stretch.clip == "circle" and not stretch.mirrored)
    turned = dataclasses.replace(Measured.of(motion_of(made_corpus.frames(circle))))
    assert RULES["turn-right"](turned) and not RULES["turn-left"](turned)
