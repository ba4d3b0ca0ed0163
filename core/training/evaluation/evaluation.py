"""Everything that `evaluate body` measures, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...body import minilm
from ...checkpoints import find_bundle, load_text_encoder, typed_bundle
from ...contract import BadRequest
from ..corpus import Corpus
from ..encoded_sentences import encode_sentences
from .contenders import Model, Retrieval
from .evaluate_body import Examiner, reconstruction_rows
from .held_out_clips import HeldOutClip, held_out_clips
from .held_out_sentences import HeldOutSentences
from .judge import load_judge
from .obedience import Obedience, obedience, real_directions
from .report import Evaluation

Report = Callable[[str, int, int], None]
REAL, FLOW, VQ, RETRIEVAL, SHUFFLED = "real motion", "generated", "VQ decoder instead", "nearest caption", "shuffled captions"


@dataclass(frozen=True)
class Wishes:
    """model: name or folder; judge: a folder; prompt_seeds: of each sentence of the prompt guide, 0 for none; limit: clips, all if None."""

    model: str
    corpus_file: Path
    judge: Path
    split: str
    seeds: int
    prompt_seeds: int
    limit: int | None


def evaluate(wishes: Wishes, report: Report) -> Evaluation:
    """Raises BadRequest where the corpus is missing or holds nothing of the split, WeightsError for a model that cannot be used."""
    if not wishes.corpus_file.is_file():
        raise BadRequest(f"There is no corpus at {wishes.corpus_file}: make it with `python -m core train prepare`.")
    corpus, judge, book = Corpus.load(wishes.corpus_file), load_judge(wishes.judge), HeldOutSentences()
    clips = _spread(held_out_clips(corpus, book, wishes.split), wishes.limit)
    if not clips:
        raise BadRequest(f"The corpus has no described motion in its {wishes.split} split: prepare it with more clips.")
    seeds = wishes.seeds
    model = Model(find_bundle(typed_bundle(wishes.model)))
    flow = model.with_flow_decoder()
    encoder = load_text_encoder(minilm.NAME)
    sentences = encode_sentences(corpus.sentences, encoder, wishes.corpus_file.with_suffix(""), report)
    examiner = Examiner.of(judge, encoder, clips)
    rebuilt = reconstruction_rows(model, examiner, seeds, report)
    rows = {
        REAL: examiner.real_row(seeds),
        FLOW: examiner.contender_row(flow, seeds, FLOW, report) | rebuilt["flow"],
        VQ: examiner.contender_row(model.with_vq_decoder(), seeds, VQ, report) | rebuilt["vq"],
        RETRIEVAL: examiner.contender_row(Retrieval(corpus, sentences, encoder), seeds, RETRIEVAL, report),
        SHUFFLED: examiner.shuffled_row(seeds),
    }
    obeyed = obedience(flow, judge, book, wishes.prompt_seeds, report) if wishes.prompt_seeds else Obedience({}, {}, {}, {})
    return Evaluation(wishes.model, seeds, len(clips), rows, obeyed, real_directions(clips))


def _spread(clips: list[HeldOutClip], limit: int | None) -> list[HeldOutClip]:
    if limit is None or limit >= len(clips):
        return clips
    return [clips[round(index * (len(clips) - 1) / max(1, limit - 1))] for index in range(limit)]
