"""DEEPTalk's recognised files as one folder: safetensors and a card, loaded once to see that they can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..contract import FLAME_2020, WeightsError
from ..face_bundles import FORMAT, WEIGHTS_FILE, FaceCard, FaceConfigs, load_face_networks, write_face_card
from .bundle_files import origin
from .choice import looked_at, one_of_each
from .downloads import Download
from .published_face import ACTORS, ATTRIBUTION, FACE_BRANCH, LICENCE, ONE_PASS, TITLE
from .recognition import Part, Role
from .writing import Report, write_safetensors


@dataclass(frozen=True)
class Face:
    """A whole model. downloads: the files that it is made of."""

    tensors: Mapping[str, Tensor]
    networks: FaceConfigs
    downloads: tuple[Download, ...]


def choose_face(found: Sequence[Part], downloads: Sequence[Download], published: FaceConfigs) -> Face:
    """DEEPTalk.pth, and FER.pth if it is there; the others' networks are in the former. Raises WeightsError without it."""
    parts = one_of_each(found)
    if Role.DEEPTALK not in parts:
        raise WeightsError(f"{looked_at(found, downloads)} Missing: {Role.DEEPTALK.title}. Give all files at once; nothing was imported.")
    whole = parts[Role.DEEPTALK]
    if Role.FER in parts:
        reader = parts[Role.FER]
        return Face({**whole.tensors, **reader.tensors}, published, (whole.download, reader.download))
    voices_only = {name: tensor for name, tensor in whole.tensors.items() if not name.startswith(FACE_BRANCH)}
    networks = replace(published, emotion=replace(published.emotion, expression=None), features=None)
    return Face(voices_only, networks, (whole.download,))


def write_face(folder: Path, face: Face, report: Report) -> None:
    folder.mkdir()
    size, sha256 = write_safetensors(folder / WEIGHTS_FILE, face.tensors, report)
    made_of = origin(face.downloads, report)
    actors = ACTORS[: face.networks.talker.n_actors]
    card = FaceCard(
        FORMAT, folder.name, TITLE, LICENCE, ATTRIBUTION, FLAME_2020, actors, face.networks, size, sha256, made_of, one_pass=ONE_PASS
    )  # fmt: skip
    write_face_card(folder, card)
    report("Checking", 1, 1)
    load_face_networks(folder, torch.device("cpu"))
