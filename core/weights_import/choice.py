"""Which of the recognised files become one model: of every network one, all from the same published set, and their mean and deviation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import torch
from torch import Tensor

from ..checkpoints import BodyConfigs
from ..contract import WeightsError
from .downloads import Download
from .published import PublishedSet
from .recognition import Part, Role, named_set
from .statistics import Statistics, find_statistics

_SHOWN = 3
BODY_ROLES = (Role.TOKENIZER, Role.TOKENS, Role.RESIDUAL, Role.FLOW, Role.LENGTH)
# What the authors call the file of a network that is meant, where a folder also has others of its training
_PUBLISHED_FILES = {
    Role.TOKENIZER: "net_best_fid.tar",
    Role.TOKENS: "latest.tar",
    Role.RESIDUAL: "net_best_fid.tar",
    Role.LENGTH: "finest.tar",
}


@dataclass(frozen=True)
class Body:
    """A whole model: its networks, the set that they were released as, and how they see motion."""

    parts: Mapping[Role, Part]
    published: PublishedSet
    statistics: Statistics

    @property
    def networks(self) -> BodyConfigs:
        """Of the set, without a flow decoder where there is none."""
        return self.published.networks if Role.FLOW in self.parts else replace(self.published.networks, flow=None)

    @property
    def downloads(self) -> list[Download]:
        return [*(part.download for part in self.parts.values()), *self.statistics.downloads]


def choose(
    found: Sequence[Part], downloads: list[Download], sets: tuple[PublishedSet, ...], has_text: bool
) -> tuple[Body | None, Part | None]:
    """A model, a text encoder, or both. has_text: a text encoder was imported before. Raises WeightsError for half a model."""
    parts = one_of_each(found)
    text = parts.pop(Role.TEXT, None)
    if text and not parts:
        return None, text
    published = _common_set(parts, downloads, sets) if Role.TOKENIZER in parts else sets[0]
    missing = _missing(parts, text is not None or has_text, published)
    if missing:
        raise WeightsError(f"{looked_at(found, downloads)} Missing: {'; '.join(missing)}. Give all files at once; nothing was imported.")
    return Body(parts, published, find_statistics(downloads, parts[Role.TOKENIZER].download, published.layout)), text


def one_of_each(found: Sequence[Part]) -> dict[Role, Part]:
    """Raises WeightsError for several files of one network that differ."""
    by_role = {role: [part for part in found if part.role is role] for role in Role}
    return {role: _one(role, parts) for role, parts in by_role.items() if parts}


def _one(role: Role, parts: Sequence[Part]) -> Part:
    """Raises WeightsError where several differ and not just one is called as the published one."""
    published = [part for part in parts if PurePosixPath(part.download.place).name == _PUBLISHED_FILES.get(role)]
    first, *others = published or parts
    if any(not _same(first.tensors, other.tensors) for other in others):
        places = " and ".join(part.download.place for part in (first, *others))
        raise WeightsError(f"There are several files of {role.title}, which differ: {places}. Give only the one that you mean.")
    return first


def _same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def _missing(parts: Mapping[Role, Part], has_text: bool, published: PublishedSet) -> list[str]:
    missing = [role.title for role in BODY_ROLES if role not in parts and (published.has_flow or role is not Role.FLOW)]
    return missing + ([] if has_text else [Role.TEXT.title])


def looked_at(found: Sequence[Part], downloads: Sequence[Download]) -> str:
    """A sentence on which files hold something of a model, and which nothing."""
    known = [part.download for part in found]
    others = [each.place for each in downloads if each not in known and each.may_hold_weights]
    sentence = f"Found {', '.join(each.place for each in known) or 'nothing of a model'}."
    return sentence + (f" Nothing of one is in {', '.join(others[:_SHOWN])}." if others else "")


def _common_set(parts: Mapping[Role, Part], downloads: Sequence[Download], sets: tuple[PublishedSet, ...]) -> PublishedSet:
    """The set whose tokenizer this is. Raises WeightsError for a network of another one."""
    tokenizer = parts[Role.TOKENIZER]
    found = next(each for each in sets if each.name in tokenizer.sets)
    for part in parts.values():
        if found.name not in part.sets or named_set(part, downloads, sets) not in (None, found.name):
            raise WeightsError(
                f"{part.download.place} is of another set than {tokenizer.download.place} ({found.title}): give the files of one set."
            )
    return found
