"""`weights import`, `list`, `use` and `remove`: the models on this machine."""

from __future__ import annotations

import argparse
import time
from pathlib import Path


def add_weights_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("weights", help="import, list, choose and remove models")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_import(verbs)
    listing = verbs.add_parser("list", help="the models on this machine, with their licences")
    listing.set_defaults(run=_list)
    using = verbs.add_parser("use", help="make a model the one that is taken where none is named")
    using.add_argument("name")
    using.set_defaults(run=_use)
    removing = verbs.add_parser("remove", help="delete an imported model")
    removing.add_argument("name")
    removing.set_defaults(run=_remove)


def _add_import(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser("import", help="officially released weights, as they were downloaded, to a model")
    what = "files, zips and folders of MoMask, DisCoRD and CLIP, or of DEEPTalk, all of one model"
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help=what)
    parser.add_argument("--name", default="", help="another name for the new model than that of its authors or their data set")
    parser.add_argument("--replace", action="store_true", help="put it in the place of a model of the same name")
    parser.add_argument("--folder", type=Path, help="of models; the user's own if left out")
    parser.set_defaults(run=_import)


def _import(options: argparse.Namespace) -> None:
    from .contract import user_models_folder
    from .terminal import ProgressLine
    from .weights_import.importing import Order, import_weights

    folder = options.folder.absolute() if options.folder else user_models_folder()
    began, progress = time.perf_counter(), ProgressLine()
    try:
        done = import_weights(Order(tuple(options.paths), folder, options.name, options.replace), progress)
    finally:
        progress.finish()
    for place in done.used:
        print(f"used      {place}")
    for place in done.left_out:
        print(f"left out  {place}")
    for made in done.folders:
        print(f"{made}: imported in {time.perf_counter() - began:.1f} s")


def _list(_options: argparse.Namespace) -> None:
    from .installed_models import installed
    from .model_folders import model_folders
    from .model_in_use import model_in_use

    used = model_in_use()
    for each in installed(model_folders()):
        mark = "  (in use)" if each.name == used else ""
        print(f"{each.name}  {each.bytes / 1e6:,.0f} MB  {each.licence}{mark}\n    {each.title}\n    {each.folder}")


def _use(options: argparse.Namespace) -> None:
    from .model_in_use import use_model

    use_model(options.name)
    print(f"{options.name} is taken where no --model is named.")


def _remove(options: argparse.Namespace) -> None:
    from .installed_models import remove

    gone = remove(options.name)
    print(f"{gone.folder}: removed, {gone.bytes / 1e6:,.0f} MB freed")
