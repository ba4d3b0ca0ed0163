"""The whole way of an import: find files, recognise them, choose one model's, and write it whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..body import clip_text
from ..contract import WeightsError
from ..saved_clip import is_saved
from ..weights_manifest import WEIGHTS_FOLDER
from .bundle_files import write_body, write_text_encoder
from .choice import Body, choose
from .downloads import Download, find_downloads
from .published import PublishedSizes
from .recognition import Part, Role, recognised
from .tensor_files import read_tree
from .writing import Report, new_folders

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")


@dataclass(frozen=True)
class Order:
    """paths: files, folders and zips; folder: of models; name: of the new one, "" for that of its set; replaces: what is there already."""

    paths: tuple[Path, ...]
    folder: Path
    name: str = ""
    replaces: bool = False


@dataclass(frozen=True)
class Imported:
    """folders: what was written; used: places of the files that it was made of; left_out: of others that were found."""

    folders: tuple[Path, ...]
    used: tuple[str, ...]
    left_out: tuple[str, ...]


def import_weights(order: Order, report: Report, sizes: PublishedSizes | None = None) -> Imported:
    """One model, CLIP's text encoder, or both. Raises WeightsError, with nothing written, for what is missing, surplus or wrong."""
    sizes = sizes or PublishedSizes()
    downloads = find_downloads(list(order.paths))
    body, text = choose(_recognised(downloads, sizes, report), downloads, sizes.sets, is_saved(order.folder))
    name = _new_name(order, body)
    # CLIP is the same for all models, so that a second copy of it says nothing new
    new_text = text if text and (order.replaces or not is_saved(order.folder)) else None
    with new_folders(order.folder) as place:
        if new_text:
            write_text_encoder(place, new_text, sizes.text, report)
        if body:
            write_body(place / name, body, report)
    return _imported(order, name, body, new_text, downloads)


def _recognised(downloads: Sequence[Download], sizes: PublishedSizes, report: Report) -> list[Part]:
    weights = [each for each in downloads if each.may_hold_weights]
    found = []
    for number, download in enumerate(weights):
        report("Reading", number, len(weights))
        found.append(recognised(read_tree(download), download, sizes))
    return [part for part in found if part]


def _new_name(order: Order, body: Body | None) -> str:
    """The model's folder, "" where only a text encoder is imported. Raises WeightsError for a name that it cannot have."""
    kind = "discord" if body and Role.FLOW in body.parts else "momask"
    name = (order.name or f"{kind}-{body.published.name}") if body else ""
    if order.name and (not _NAME.fullmatch(order.name) or order.name == clip_text.NAME):
        raise WeightsError(f'"{order.name:.60}" cannot be a model\'s name: use small letters, digits, dots and dashes, at most 60.')
    if name and (WEIGHTS_FOLDER / name).exists():
        raise WeightsError(f'"{name}" is a model of ours: choose another Name (--name).')
    if not order.replaces and (order.folder / (name or clip_text.NAME)).exists():
        raise WeightsError(
            f"{name or clip_text.NAME} is in {order.folder} already: choose Replace (--replace) to put this one in its place"
            + (", or another Name (--name) to keep both." if name else ".")
        )
    return name


def _imported(order: Order, name: str, body: Body | None, text: Part | None, downloads: Sequence[Download]) -> Imported:
    used = [*(body.downloads if body else []), *([text.download] if text else [])]
    folders = [order.folder / each for each in (clip_text.NAME if text else "", name) if each]
    others = [each for each in downloads if each not in used and not each.is_options]
    return Imported(tuple(folders), tuple(each.place for each in used), tuple(each.place for each in others))
