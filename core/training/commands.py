"""Commands that train: `train prepare`, one for each network, and `train bundle`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..contract import BadRequest
from .face.commands import add_face_commands
from .pack_names import PACKS

if TYPE_CHECKING:
    from .corpus import Corpus
    from .evaluation.judge import JudgeConfig

# steps, batch size, learning rate: a night on one core. What the starter had of them stands in its card
_SCHEDULES = {
    "tokenizer": (14_000, 32, 4e-4),
    "tokens": (24_000, 32, 4e-4),
    "residual": (14_000, 32, 4e-4),
    "flow": (24_000, 32, 5e-4),
    "length": (4_000, 128, 3e-4),
    "reader": (3_000, 128, 1e-3),
    "matcher": (3_000, 64, 5e-4),
    "judge": (3_000, 96, 1e-3),
}
Parsers = argparse._SubParsersAction


def add_training_commands(commands: Parsers[argparse.ArgumentParser]) -> None:
    train = commands.add_parser("train", help="make weights of your own").add_subparsers(dest="network", required=True, metavar="WHAT")
    _add_prepare(train)
    for name, (steps, batch_size, rate) in _SCHEDULES.items():
        _add_network(train, name, steps, batch_size, rate)
    _add_curves(train)
    _add_bundle(train)
    _add_check(train)
    _add_retargeting(train)
    add_face_commands(train)


def _add_prepare(train: Parsers[argparse.ArgumentParser]) -> None:
    parser = train.add_parser("prepare", help="motion files and sentences to one training file")
    parser.add_argument("--packs", type=Path, help="folder with bandai_namco.npz, cmu.npz, accad.npz and captions.jsonl")
    parser.add_argument("--pack", action="append", choices=PACKS, help="only this one of them (repeatable): licences differ")
    parser.add_argument("--folder", type=Path, help="folder with .bvh, or .amc and .asf files of your own")
    parser.add_argument("--captions", type=Path, help='JSON lines for them: {"clip": "file name without ending", "text": "..."}')
    parser.add_argument("--out", type=Path, default=Path("runs/corpus.npz"))
    parser.set_defaults(run=_prepare)


def _prepare(options: argparse.Namespace) -> None:
    from ..body.features import FPS
    from ..terminal import ProgressLine
    from .corpus import build
    from .sustained import with_steady_gaits

    if not options.packs and not options.folder:
        raise BadRequest("Nothing to prepare: give --packs, --folder, or both.")
    if options.captions and not options.folder:
        raise BadRequest("--captions are sentences for clips of your own: give their --folder too.")
    progress = ProgressLine()
    corpus = with_steady_gaits(build(options.packs, options.folder, options.captions, progress, tuple(options.pack or PACKS)), progress)
    progress.finish()
    corpus.save(options.out)
    minutes = len(corpus.features) / FPS / 60
    contents = f"{len(corpus.stretches)} stretches, {minutes:.1f} minutes with mirrored copies, {len(corpus.sentences)} sentences"
    print(f"{options.out}: {contents}")
    if options.folder:
        for note in _left_out(corpus, options.folder, options.captions):
            print(f"understudy: {note}", file=sys.stderr)


def _left_out(corpus: Corpus, folder: Path, captions: Path | None) -> list[str]:
    """What somebody should know whose files or sentences were of no use, one sentence each."""
    from .captions import read_timed_captions
    from .motion_capture.folder import motion_files

    files = {path.stem for path in motion_files(folder)}
    described = set(read_timed_captions(captions)) if captions else set()
    used = {stretch.clip for stretch in corpus.stretches if stretch.pack == "own"}
    silent = used - {stretch.clip for stretch in corpus.stretches if stretch.spans}
    notes = {
        "there are captions for clips that are not in the folder": described - files,
        "shorter than a second, and left out": files - used,
        "without a sentence of at least a second, so that no prompt will lead to them": silent,
    }
    return [f"{note}: {_some(names)}." for note, names in notes.items() if names]


def _some(names: set[str]) -> str:
    listed = ", ".join(sorted(names)[:10])
    return f"{listed} and {len(names) - 10} more" if len(names) > 10 else listed


def _add_network(train: Parsers[argparse.ArgumentParser], name: str, steps: int, batch_size: int, rate: float) -> None:
    parser = train.add_parser(name, help=f"train the {name} network; goes on where it was stopped")
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus.npz"))
    parser.add_argument("--run", dest="folder", type=Path, default=Path("runs/own"), help="folder of the run")
    parser.add_argument("--start-from", type=Path, metavar="BUNDLE", help="train a finished model further")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--batch-size", type=int, default=batch_size)
    parser.add_argument("--learning-rate", type=float, default=rate)
    parser.add_argument("--warmup", type=int, default=300, help="steps of rising learning rate")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--bf16", action="store_true", help="half precision forward passes")
    parser.add_argument("--threads", type=int, help="CPU threads; all cores if left out")
    parser.add_argument("--sizes", choices=("starter", "paper"), default="starter")
    parser.add_argument("--save-every", type=int, default=500)
    parser.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> None:
    import torch

    from ..terminal import ProgressLine
    from . import sizes
    from .run import Hardware, Run, Schedule
    from .tasks import Ingredients

    if options.threads:
        torch.set_num_threads(options.threads)
    if options.device == "cuda" and not torch.cuda.is_available():
        raise BadRequest("CUDA was asked for, but torch finds no such device: leave out --device cuda.")
    wanted = sizes.PAPER if options.sizes == "paper" else sizes.STARTER
    ingredients = Ingredients(options.corpus, options.folder, wanted, torch.device(options.device), ProgressLine(), options.start_from)
    task, config = ingredients.task(options.network)
    schedule = Schedule(options.steps, options.batch_size, options.learning_rate, options.warmup)
    hardware = Hardware(options.device, options.bf16, save_every=options.save_every)
    Run(options.folder / options.network, task, schedule, hardware, config).train()
    if options.network == "judge":
        _write_judge(options.folder / "judge", config)


def _write_judge(folder: Path, config: JudgeConfig) -> None:
    from .evaluation.judge import MotionJudge, save_judge
    from .run import trained_network

    save_judge(trained_network(folder, MotionJudge(config)), folder)
    print(f"{folder}: a judge for `evaluate body --judge {folder}`")


def _add_curves(train: Parsers[argparse.ArgumentParser]) -> None:
    parser = train.add_parser("curves", help="the logs of a run as one picture (needs matplotlib)")
    parser.add_argument("--run", dest="folder", type=Path, default=Path("runs/own"))
    parser.add_argument("--out", type=Path, required=True, help="a .png file")
    parser.set_defaults(run=_curves)


def _curves(options: argparse.Namespace) -> None:
    from .curves import draw_curves

    draw_curves(options.folder, options.out)
    print(f"{options.out}: the curves of {options.folder}")


def _add_bundle(train: Parsers[argparse.ArgumentParser]) -> None:
    parser = train.add_parser("bundle", help="a finished run to a model that the add-on can use")
    parser.add_argument("--run", dest="folder", type=Path, default=Path("runs/own"))
    parser.add_argument("--out", type=Path, required=True, help="a folder; its name is the model's name")
    parser.add_argument("--title", default="Own model", help="as the panel shows it")
    parser.add_argument("--licence", default="unstated", help="of the weights, as it follows from the data")
    parser.add_argument("--attribution", action="append", default=[], help="a credit that the data asks for (repeatable)")
    parser.add_argument("--guidance", type=float, default=2.0, help="used where the animator sets none")
    parser.add_argument("--residual-layers", type=int, default=0, help="token layers above the first; with 0 their network is left out")
    parser.add_argument("--candidates", type=int, default=4, help="draws of which the best fitting is kept, where a matcher was trained")
    parser.add_argument("--temperature", type=float, default=0.8, help="of the drawn tokens: lower for likelier ones")
    parser.add_argument("--choice-noise", type=float, default=20.0, help="0 keeps the surest tokens first, which makes motion calm")
    last = "take this network's last weights (repeatable), not those of the lowest loss on held-out clips"
    parser.add_argument("--last", action="append", default=[], choices=("tokens", "residual", "flow", "matcher"), help=last)
    parser.set_defaults(run=_bundle)


def _bundle(options: argparse.Namespace) -> None:
    from .bundle import Sampling, make_bundle

    sampling = Sampling(options.guidance, options.residual_layers, options.candidates, options.temperature, options.choice_noise)
    card = make_bundle(
        options.folder, options.out, options.title, options.licence, tuple(options.attribution), sampling, tuple(options.last)
    )
    print(f"{options.out}: {card.bytes / 1e6:.1f} MB, sha256 {card.sha256}")


def _add_check(train: Parsers[argparse.ArgumentParser]) -> None:
    parser = train.add_parser("check", help="how often a model does what simple prompts say")
    parser.add_argument("--model", default="starter")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> None:
    from ..terminal import ProgressLine
    from .prompt_check import check_prompts

    progress = ProgressLine()
    shares = check_prompts(options.model, options.seeds, options.seconds, progress)
    progress.finish()
    for check, share in shares.items():
        print(f"{share:5.0%}  {check.prompt:<36} {check.meaning}")
    print(f"{sum(shares.values()) / len(shares):5.0%}  mean of {len(shares)} prompts, {options.seeds} seeds each")


def _add_retargeting(train: Parsers[argparse.ArgumentParser]) -> None:
    parser = train.add_parser("retargeting", help="how far retargeted motion capture is from what was recorded")
    parser.add_argument("--packs", type=Path, required=True, help="folder with bandai_namco.npz, cmu.npz and accad.npz")
    parser.add_argument("--limit", type=int, help="so many clips of each pack, evenly spread; all if left out")
    parser.add_argument("--picture", type=Path, help="draw five clips beside their sources in this .png (needs matplotlib)")
    parser.set_defaults(run=_retargeting)


def _retargeting(options: argparse.Namespace) -> None:
    from ..terminal import ProgressLine
    from .retargeting_check import check_retargeting, table

    if options.limit is not None and options.limit < 1:
        raise BadRequest("--limit should be 1 or more.")
    if options.picture:
        from .retargeting_picture import draw

        draw(options.packs, options.picture)
    progress = ProgressLine()
    figures = check_retargeting(options.packs, options.limit, progress)
    progress.finish()
    print("\n".join(table(figures)))
    if options.picture:
        print(f"{options.picture}: five clips, each source on the left of its retargeted copy")
