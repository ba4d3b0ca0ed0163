"""A chosen model and a text encoder as folders: safetensors and a card each, loaded once to see that they can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from ..body import clip_text
from ..body.clip_text import ClipTextConfig
from ..checkpoints import FORMAT, WEIGHTS_FILE, BundleCard, load_networks, write_card
from ..saved_clip import FORMAT as ENCODER_FORMAT
from ..saved_clip import LICENCE, EncoderCard, load_saved, saved_in
from ..saved_clip import write_card as write_encoder_card
from .choice import Body
from .downloads import Download
from .recognition import Part
from .writing import Report, write_safetensors

_SHARE = 0.1  # of the codes, as published


def write_text_encoder(place: Path, part: Part, config: ClipTextConfig, report: Report) -> None:
    folder = saved_in(place)
    folder.mkdir()
    size, sha256 = write_safetensors(folder / WEIGHTS_FILE, part.tensors, report)
    made_of = origin([part.download], report)
    write_encoder_card(folder, EncoderCard(ENCODER_FORMAT, clip_text.NAME, LICENCE, made_of, config, size, sha256))
    report("Checking", 1, 1)
    load_saved((place,))


def write_body(folder: Path, body: Body, report: Report) -> None:
    folder.mkdir()
    size, sha256 = write_safetensors(folder / WEIGHTS_FILE, _tensors(body), report)
    write_card(folder, replace(_card(folder.name, body), bytes=size, sha256=sha256, origin=origin(body.downloads, report)))
    report("Checking", 1, 1)
    load_networks(folder)


def _tensors(body: Body) -> dict[str, Tensor]:
    tensors = {f"{role.value}.{name}": tensor for role, part in body.parts.items() for name, tensor in part.tensors.items()}
    return tensors | {"features.mean": body.statistics.mean, "features.std": body.statistics.std}


def _card(name: str, body: Body) -> BundleCard:
    published = body.published
    return BundleCard(
        format=FORMAT,
        name=name,
        title=published.title,
        licence=published.licence,
        attribution=published.attribution,
        text_encoder=clip_text.NAME,
        representation=published.representation,
        has_steps=False,
        guidance=published.guidance,
        residual_guidance=published.residual_guidance,
        residual_share=_SHARE,
        networks=body.networks,
    )


def origin(downloads: Sequence[Download], report: Report) -> tuple[str, ...]:
    """What a card says of the files that its model was made of."""
    lines: list[str] = []
    for number, download in enumerate(downloads):
        report("Checking", number, len(downloads))
        lines.append(f"{download.known_as} sha256 {download.sha256()}")
    return tuple(lines)
