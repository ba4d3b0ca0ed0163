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
from . import published_face
from .bundle_files import write_body, write_text_encoder
from .choice import Body, choose
from .downloads import Download, find_downloads
from .face_files import choose_face, write_face
from .published import PublishedSizes
from .recognition import FACE_ROLES, Part, Role, recognised
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
    found = _recognised(downloads, sizes, report)
    if any(part.role in FACE_ROLES for part in found):
        return _import_face(order, found, downloads, sizes, report)
    body, text = choose(found, downloads, sizes.sets, is_saved(order.folder))
    name = _new_name(order, _body_name(body))
    # CLIP is the same for all models, so that a second copy of it says nothing new
    new_text = text if text and (order.replaces or not is_saved(order.folder)) else None
    with new_folders(order.folder) as place:
        if new_text:
            write_text_encoder(place, new_text, sizes.text, report)
        if body:
            write_body(place / name, body, report)
    used = [*(body.downloads if body else []), *([new_text.download] if new_text else [])]
    return _imported(order, (clip_text.NAME if new_text else "", name), used, downloads)


def _import_face(order: Order, found: Sequence[Part], downloads: Sequence[Download], sizes: PublishedSizes, report: Report) -> Imported:
    """Raises WeightsError as above, and where files of a body lie beside those of a face."""
    others = [part.download.place for part in found if part.role not in FACE_ROLES]
    if others:
        faces = next(part.download.place for part in found if part.role in FACE_ROLES)
        raise WeightsError(f"{faces} belongs to a model of faces, {others[0]} does not: import them one after the other.")
    face = choose_face(found, downloads, sizes.face)
    name = _new_name(order, published_face.NAME)
    with new_folders(order.folder) as place:
        write_face(place / name, face, report)
    return _imported(order, (name,), face.downloads, downloads)


def _recognised(downloads: Sequence[Download], sizes: PublishedSizes, report: Report) -> list[Part]:
    weights = [each for each in downloads if each.may_hold_weights]
    found = []
    for number, download in enumerate(weights):
        report("Reading", number, len(weights))
        found.append(recognised(read_tree(download), download, sizes))
    return [part for part in found if part]


def _body_name(body: Body | None) -> str:
    """ "" where only a text encoder is imported."""
    kind = "discord" if body and Role.FLOW in body.parts else "momask"
    return f"{kind}-{body.published.name}" if body else ""


def _new_name(order: Order, usual: str) -> str:
    """The model's folder, "" where there is no model. Raises WeightsError for a name that it cannot have."""
    name = (order.name or usual) if usual else ""
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


def _imported(order: Order, names: tuple[str, ...], used: Sequence[Download], downloads: Sequence[Download]) -> Imported:
    """names: of the folders that were written, "" for none."""
    folders = tuple(order.folder / name for name in names if name)
    others = [each for each in downloads if each not in used and not each.is_options]
    return Imported(folders, tuple(each.place for each in used), tuple(each.place for each in others))
