"""Commands that train faces: `train face-prepare`, one for each network, and `train face-bundle`."""

from __future__ import annotations

import argparse
from pathlib import Path

# steps, batch size, learning rate
SCHEDULES = {"emotion": (1500, 64, 1e-3), "tokens": (6000, 32, 1e-3), "talker": (10_000, 16, 8e-4)}
_CORPUS, _RUN = Path("runs/face_corpus"), Path("runs/face")
Parsers = argparse._SubParsersAction


def add_face_commands(train: Parsers[argparse.ArgumentParser]) -> None:
    parser = train.add_parser("face-prepare", help="recordings with phone times to what the face's networks are trained on")
    parser.add_argument("--speech", type=Path, required=True, help="folder with kathleen, emodb, fixtures and grid")
    parser.add_argument("--spoken", type=int, default=250, help="sentences that flite speaks in each of three voices; 0 for none")
    parser.add_argument("--copies", type=int, default=1, help="changed copies of each recording")
    parser.add_argument("--out", type=Path, default=_CORPUS)
    parser.set_defaults(run=_prepare)
    for name, (steps, batch_size, rate) in SCHEDULES.items():
        parser = train.add_parser(f"face-{name}", help=f"train the face's {name}; goes on where it was stopped")
        parser.add_argument("--corpus", type=Path, default=_CORPUS)
        parser.add_argument("--run", dest="folder", type=Path, default=_RUN, help="folder of the run")
        what = "whose emotions are not learned, such as emodb/12 (repeatable)"
        parser.add_argument("--unheard", action="append", default=[], metavar="SPEAKER", help=what)
        parser.add_argument("--steps", type=int, default=steps)
        parser.add_argument("--batch-size", type=int, default=batch_size)
        parser.add_argument("--learning-rate", type=float, default=rate)
        parser.add_argument("--warmup", type=int, default=100, help="steps of rising learning rate")
        if name == "talker":
            parser.add_argument("--lips", type=float, default=0.5, help="weight of the lips' opening beside all else of the face")
        parser.add_argument("--save-every", type=int, default=500)
        parser.add_argument("--threads", type=int, help="CPU threads; all cores if left out")
        parser.set_defaults(run=_train, network=name)
    parser = train.add_parser("face-bundle", help="the trained networks as a model")
    parser.add_argument("--corpus", type=Path, default=_CORPUS)
    parser.add_argument("--run", dest="folder", type=Path, default=_RUN)
    parser.add_argument("--title", default="A face of your own")
    parser.add_argument("--out", type=Path, required=True, help="a folder, whose name is that of the model")
    parser.set_defaults(run=_bundle)


def _prepare(options: argparse.Namespace) -> None:
    from ...face.whisper_encoder import NAME
    from ...face_bundles import load_speech_encoder
    from ...terminal import ProgressLine
    from .prepare import Wanted, prepare

    progress = ProgressLine()
    prepare(Wanted(options.speech, options.out, options.spoken, options.copies), load_speech_encoder(NAME), progress)
    progress.finish()


def _train(options: argparse.Namespace) -> None:
    import torch

    from ..run import Hardware, Run, Schedule
    from .face_losses import LIPS
    from .face_sizes import starter_sizes
    from .face_tasks import FaceIngredients

    if options.threads:
        torch.set_num_threads(options.threads)
    ingredients = FaceIngredients(options.corpus, options.folder, starter_sizes(), tuple(options.unheard), getattr(options, "lips", LIPS))
    task, config = ingredients.task(options.network)
    schedule = Schedule(options.steps, options.batch_size, options.learning_rate, options.warmup, patience=20)
    Run(options.folder / options.network, task, schedule, Hardware(save_every=options.save_every), config).train()


def _bundle(options: argparse.Namespace) -> None:
    from .face_sizes import starter_sizes
    from .face_tasks import FaceIngredients
    from .make_face_bundle import make_face_bundle

    card = make_face_bundle(FaceIngredients(options.corpus, options.folder, starter_sizes()), options.out, options.title)
    print(f"{options.out}: {card.bytes / 1e6:.1f} MB, sha256 {card.sha256}")
