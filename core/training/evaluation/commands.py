"""The command `evaluate`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ...contract import BadRequest

Parsers = argparse._SubParsersAction


def add_evaluate_command(commands: Parsers[argparse.ArgumentParser]) -> None:
    evaluate = commands.add_parser("evaluate", help="measure a model against recordings")
    subjects = evaluate.add_subparsers(dest="what", required=True, metavar="WHAT")
    parser = subjects.add_parser("body", help="one table: real motion, the model, its VQ decoder, retrieval, shuffled sentences")
    parser.add_argument("--model", default="starter", help="name of a model, or its folder")
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus.npz"), help="as `train prepare` writes it")
    parser.add_argument("--judge", type=Path, help="a folder that `train judge` wrote; ours if left out")
    parser.add_argument("--split", default="test", choices=("test", "validation", "train", "all"), help="all: recordings of your own")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--prompt-seeds", type=int, default=5, help="seeds of each sentence of the prompt guide; 0 leaves the guide out")
    parser.add_argument("--limit", type=int, help="so many clips, evenly spread; all if left out")
    parser.add_argument("--out", type=Path, help="a folder for table.md, evaluation.json and table.png (needs matplotlib)")
    parser.set_defaults(run=_evaluate)
    parser = subjects.add_parser("face", help="lips against tracked ones, closures, emotions of voices and faces, speed")
    parser.add_argument("--model", type=Path, default=Path("weights/starter_face"), help="its folder")
    parser.add_argument("--speech", type=Path, required=True, help="folder with kathleen, emodb and grid")
    parser.add_argument("--corpus", type=Path, default=Path("runs/face_corpus"), help="as `train face-prepare` writes it")
    parser.add_argument("--out", type=Path, help="a folder for table.md, evaluation.json, emotions.jpg and sentence.jpg (needs matplotlib)")
    parser.set_defaults(run=_evaluate_face)
    parser = subjects.add_parser("redo", help="ranges of motions made anew: what is kept, what is seen, what jumps at the seams")
    parser.add_argument("--model", default="starter", help="name of a model, or its folder")
    parser.add_argument("--cases", type=int, default=20, help="random ranges, each redone in three ways")
    parser.set_defaults(run=_redo)
    parser = subjects.add_parser("guide", help="what a model obeys, out of an evaluation.json, as a table for its readers")
    parser.add_argument("evaluation", type=Path)
    parser.set_defaults(run=_guide)


def _evaluate_face(options: argparse.Namespace) -> None:
    from ...card_fields import dataclass_to_json
    from ...terminal import ProgressLine
    from ..face.evaluate_face import as_table, evaluate_face
    from ..face.face_pictures import draw_faces

    progress = ProgressLine()
    found = evaluate_face(options.model, options.speech, options.corpus, progress)
    progress.finish()
    print(as_table(found))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "table.md").write_text(as_table(found) + "\n", encoding="utf-8")
        dataclass_to_json(options.out / "evaluation.json", found)
        draw_faces(options.model, options.speech, options.out)
        print(f"{options.out}: table.md, evaluation.json, emotions.jpg, sentence.jpg", file=sys.stderr)


def _redo(options: argparse.Namespace) -> None:
    if options.cases < 1:
        raise BadRequest(f"--cases is {options.cases}: choose 1 or more.")
    from ...terminal import ProgressLine
    from .redo import as_table, redone

    progress = ProgressLine()
    cases = redone(options.model, options.cases, progress)
    progress.finish()
    print(as_table(cases))


def _guide(options: argparse.Namespace) -> None:
    from .guide import guide

    print(guide(options.evaluation))


def _evaluate(options: argparse.Namespace) -> None:
    if options.seeds < 1 or options.prompt_seeds < 0 or (options.limit is not None and options.limit < 1):
        raise BadRequest("--seeds and --limit should be 1 or more, --prompt-seeds 0 or more.")
    from ...terminal import ProgressLine
    from .evaluation import Wishes, evaluate
    from .judge import JUDGE_FOLDER
    from .report import draw, markdown

    progress = ProgressLine()
    wishes = Wishes(
        options.model, options.corpus, options.judge or JUDGE_FOLDER, options.split, options.seeds, options.prompt_seeds, options.limit
    )
    evaluation = evaluate(wishes, progress)
    progress.finish()
    print(markdown(evaluation))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "table.md").write_text(markdown(evaluation) + "\n", encoding="utf-8")
        evaluation.save(options.out / "evaluation.json")
        draw(evaluation, options.out / "table.png")
        print(f"{options.out}: table.md, evaluation.json, table.png", file=sys.stderr)
