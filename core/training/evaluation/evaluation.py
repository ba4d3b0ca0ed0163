"""Everything that `evaluate body` measures, put together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...body import minilm
from ...checkpoints import find_bundle, load_text_encoder
from ...contract import BadRequest
from ...weights_manifest import WEIGHTS_FOLDER
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


def evaluate(model: str, corpus_file: Path, split: str, seeds: int, prompt_seeds: int, limit: int | None, report: Report) -> Evaluation:
    """Raises BadRequest where the corpus is missing or holds nothing of the split, WeightsError for a model that cannot be used."""
    if not corpus_file.is_file():
        raise BadRequest(f"There is no corpus at {corpus_file}: make it with `python -m core train prepare`.")
    corpus, judge, book = Corpus.load(corpus_file), load_judge(), HeldOutSentences()
    clips = _spread(held_out_clips(corpus, book, split), limit)
    if not clips:
        raise BadRequest(f"The corpus has no described motion in its {split} split: prepare it with more clips.")
    folder = find_bundle(model, (WEIGHTS_FOLDER,)) if not Path(model).is_dir() else Path(model)
    flow, vq = Model(folder, vq=False), Model(folder, vq=True)
    encoder = load_text_encoder(minilm.NAME)
    sentences = encode_sentences(corpus.sentences, encoder, corpus_file.with_suffix(""), report)
    examiner = Examiner.of(judge, encoder, clips)
    rebuilt = reconstruction_rows(flow, examiner, seeds, report)
    rows = {
        REAL: examiner.real_row(seeds),
        FLOW: examiner.contender_row(flow, seeds, FLOW, report) | rebuilt["flow"],
        VQ: examiner.contender_row(vq, seeds, VQ, report) | rebuilt["vq"],
        RETRIEVAL: examiner.contender_row(Retrieval(corpus, sentences, minilm.NAME), seeds, RETRIEVAL, report),
        SHUFFLED: examiner.shuffled_row(seeds),
    }
    obeyed = obedience(flow, judge, book, prompt_seeds, report) if prompt_seeds else Obedience({}, {}, {}, {})
    return Evaluation(model, seeds, len(clips), rows, obeyed, real_directions(clips))


def _spread(clips: list[HeldOutClip], limit: int | None) -> list[HeldOutClip]:
    if limit is None or limit >= len(clips):
        return clips
    return [clips[round(index * (len(clips) - 1) / max(1, limit - 1))] for index in range(limit)]
