"""What a downloaded file is: told from the names of the tensors in it, then checked name by name and shape by shape.

A file's own name decides nothing, because downloads are renamed and swapped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache

import torch
from torch import Tensor

from ..body.clip_text import ClipTextNetwork, text_tensors
from ..bundle_weights import weight_shapes
from ..checkpoints import BodyConfigs, build_networks
from ..contract import WeightsError
from ..face_bundles import FaceConfigs, build_face_networks, face_parts
from ..without_first_weights import WithoutFirstWeights
from .downloads import Download
from .options_file import trained_on
from .published import PublishedSet, PublishedSizes
from .published_face import face_tensors
from .shown import shown
from .tensor_files import Tree, tensors_of

Shapes = dict[str, torch.Size]
_LIKENESS = 0.5
_SHOWN = 3


class Role(Enum):
    """A network of a published model, or several in one file; the value of a body's network is its place in a bundle."""

    TOKENIZER = "tokenizer"
    TOKENS = "tokens"
    RESIDUAL = "residual"
    FLOW = "flow"
    LENGTH = "length"
    TEXT = "text"
    DEEPTALK = "deeptalk"
    DEE = "dee"
    TH_VQVAE = "th_vqvae"
    FER = "fer"

    @property
    def title(self) -> str:
        """Its name in the papers, and where it is found."""
        return _TITLES[self]


_TITLES = {
    Role.TOKENIZER: "the RVQ-VAE (rvq_.../model/net_best_fid.tar of MoMask)",
    Role.TOKENS: "the masked transformer (t2m_.../model/latest.tar of MoMask)",
    Role.RESIDUAL: "the residual transformer (tres_.../model/net_best_fid.tar of MoMask)",
    Role.FLOW: "the flow decoder (DisCoRD_Momask_RFDecoder_best.pth of DisCoRD)",
    Role.LENGTH: "the length estimator (length_estimator/model/finest.tar of MoMask)",
    Role.TEXT: "CLIP's text encoder (ViT-B-32.pt of OpenAI, or the weights of openai/clip-vit-base-patch32)",
    Role.DEEPTALK: "the talker with all that it needs (DEEPTalk.pth of DEEPTalk)",
    Role.DEE: "the emotion embedding (DEE.pt of DEEPTalk)",
    Role.TH_VQVAE: "the TH-VQVAE (TH-VQVAE.pth of DEEPTalk)",
    Role.FER: "the expression features (FER.pth of DEEPTalk)",
}
FACE_ROLES = (Role.DEEPTALK, Role.DEE, Role.TH_VQVAE, Role.FER)
# What the training's files call the one mapping in them that is used
_WRAPPERS = {
    "vq_model": Role.TOKENIZER,
    "net": Role.TOKENIZER,
    "t2m_transformer": Role.TOKENS,
    "trans": Role.TOKENS,
    "res_transformer": Role.RESIDUAL,
    "estimator": Role.LENGTH,
}
# What else a file may wrap its tensors in
_ANY_WRAPPER = "state_dict"
_PARALLEL = "module."  # before every name where a training ran on several graphics cards
# CLIP inside a transformer's file is not what that file is for; positions can be computed
_NOT_USED = ("clip_model.", "position_enc.pe")
_OF_CLIP = ("text_model.", "visual.", "vision_model.", "transformer.resblocks.", "token_embedding.")


@dataclass(frozen=True)
class Part:
    """One network's tensors. sets: the published sets whose sizes it has; networks of text and tokens have the same in all."""

    role: Role
    download: Download
    tensors: Mapping[str, Tensor]
    sets: frozenset[str]


def recognised(tree: Tree, download: Download, sizes: PublishedSizes) -> Part | None:
    """The network in a file; None for a file of something else. Raises WeightsError for a network that is not as published."""
    if isinstance(whole := tree.get(_ANY_WRAPPER), Mapping):
        tree = whole
    wrapper = next((name for name in _WRAPPERS if isinstance(tree.get(name), Mapping)), None)
    content = tree[wrapper] if wrapper else tree
    assert isinstance(content, Mapping)
    state = _used(tensors_of(content, download.place), sizes.text.n_layers, download)
    tables = _tables(sizes)
    role = _nearest(state, tables)
    if wrapper and role is not _WRAPPERS[wrapper]:
        inside = role.title if role else "something else"
        raise WeightsError(f"{download.place} says that it is {_WRAPPERS[wrapper].title}, but holds {inside}: download it again.")
    return _checked(role, download, state, tables) if role else None


def _used(state: Mapping[str, Tensor], text_layers: int, download: Download) -> dict[str, Tensor]:
    if state and all(name.startswith(_PARALLEL) for name in state):
        state = {name.removeprefix(_PARALLEL): tensor for name, tensor in state.items()}
    if (of_face := face_tensors(state)) is not None:
        return of_face
    kept = {name: tensor for name, tensor in state.items() if not name.startswith(_NOT_USED)}
    if not any(name.startswith(_OF_CLIP) for name in kept):
        return kept
    try:
        return text_tensors(kept, text_layers)
    except (RuntimeError, IndexError) as error:
        raise WeightsError(
            f"{download.place} is not {Role.TEXT.title}: its tensors do not fit together. Choose the published file."
        ) from error


def _tables(sizes: PublishedSizes) -> dict[Role, dict[str, Shapes]]:
    """Names and shapes of every network in every set."""
    by_set = {each.name: _body_shapes(each.networks) for each in sizes.sets}
    tables = {role: {name: shapes[role] for name, shapes in by_set.items() if role in shapes} for role in Role}
    tables |= {role: {role.value: shapes} for role, shapes in _face_shapes(sizes.face).items()}
    with torch.device("meta"), WithoutFirstWeights():
        return tables | {Role.TEXT: dict.fromkeys(by_set, weight_shapes(ClipTextNetwork(sizes.text)))}


@cache
def _body_shapes(configs: BodyConfigs) -> dict[Role, Shapes]:
    # Not on the device "meta", where the sines of positions would import sympy: memory that is not written to is none
    with WithoutFirstWeights():
        parts = build_networks(configs).present()
    return {role: weight_shapes(parts[role.value]) for role in Role if role.value in parts}


@cache
def _face_shapes(configs: FaceConfigs) -> dict[Role, Shapes]:
    with torch.device("meta"), WithoutFirstWeights():
        parts = face_parts(build_face_networks(configs))
    shapes = {part: {f"{part}.{name}": shape for name, shape in weight_shapes(network).items()} for part, network in parts.items()}
    alone = {Role.DEE: shapes["emotion"], Role.TH_VQVAE: shapes["tokens"], Role.FER: shapes["features"]}
    whole = shapes["speech"] | shapes["emotion"] | shapes["talker"] | shapes["tokens"]
    return alone | {Role.DEEPTALK: whole}


def _nearest(state: Mapping[str, Tensor], tables: Mapping[Role, Mapping[str, Shapes]]) -> Role | None:
    """The network that shares the most names with these, if it shares half."""

    def likeness(role: Role) -> float:
        names = next(iter(tables[role].values())).keys()
        return len(names & state.keys()) / len(names | state.keys())

    best = max((role for role in Role if tables[role]), key=likeness)
    return best if likeness(best) > _LIKENESS else None


def _checked(role: Role, download: Download, state: Mapping[str, Tensor], tables: Mapping[Role, Mapping[str, Shapes]]) -> Part:
    faults = {name: _faults(state, shapes) for name, shapes in tables[role].items()}
    if found := min(faults.values(), key=len):
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise WeightsError(
            f"{download.place} is not {role.title} as it was published: {'; '.join(found[:_SHOWN])}{more}."
            " Choose the published file, or download it again."
        )
    for name, tensor in state.items():
        if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
            raise WeightsError(f"{download.place} has numbers in {name} that are not finite: its training failed, so choose another file.")
    return Part(role, download, state, frozenset(name for name, wrong in faults.items() if not wrong))


def _faults(state: Mapping[str, Tensor], expected: Shapes) -> list[str]:
    missing = [f"{name} is missing" for name in expected if name not in state]
    surplus = [f"{shown(name, 80)} is surplus" for name in state if name not in expected]
    wrong = [
        f"{name} is {tuple(state[name].shape)} instead of {tuple(shape)}"
        for name, shape in expected.items()
        if name in state and state[name].shape != shape
    ]
    return missing + surplus + wrong


def named_set(part: Part, downloads: Sequence[Download], sets: tuple[PublishedSet, ...]) -> str | None:
    """The set that the options beside a file name. Without any, its folders, of which the innermost that says one decides; or None."""
    trained = trained_on(part.download, downloads)
    if told := next((each.name for each in sets if each.options_name == trained), None):
        return told
    folders = [name.lower().removesuffix(".zip") for name in part.download.place.split("/")[:-1]]
    return next((each.name for name in reversed(folders) for each in sets if _is_of(name, each)), None)


def _is_of(folder: str, published: PublishedSet) -> bool:
    return folder in published.folder_marks or bool(published.folder_ending and folder.endswith(published.folder_ending))
