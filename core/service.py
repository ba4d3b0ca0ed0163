"""Requests to replies: the one place that loads, keeps and drops models and picks the device."""

from __future__ import annotations

import contextlib
import time
from functools import partial
from pathlib import Path

import torch

from .body.one_by_one import generate_one_by_one
from .body.pipeline import BodyPipeline
from .body.range_editing import edited
from .checkpoints import BundleCard, find_bundle, load_pipeline, read_card
from .contract import (
    MIN_SECONDS,
    VERSION,
    BadRequest,
    BodyReply,
    BodyRequest,
    FaceRecipe,
    FaceReply,
    FaceRequest,
    Quality,
    Recipe,
    StageTime,
    WarmUp,
)
from .face.pipeline import FacePipeline
from .face_bundles import FaceCard, find_face_bundle, load_face_pipeline, read_face_card
from .given_back import give_memory_back
from .loaded_model import LoadedModel, Report
from .memory_ladder import first_with_room, ways_with_less
from .weights_manifest import WEIGHTS_FOLDER

_FACE_ADVICE = "the face: choose a smaller face model, make fewer variations"


class Service:
    """Keeps one body model and one face model loaded: the last ones asked for. Where both find no room, the one at work stays.

    Where the graphics card has no room for a request, or fails, the processor does it.
    """

    def __init__(self, model_folders: tuple[Path, ...] = (WEIGHTS_FOLDER,)) -> None:
        self._folders = model_folders
        self._body: LoadedModel[BodyPipeline, BundleCard] = LoadedModel(read_card, load_pipeline)
        self._face: LoadedModel[FacePipeline, FaceCard] = LoadedModel(read_face_card, load_face_pipeline)

    def body(self, request: BodyRequest, report: Report) -> BodyReply:
        """Raises BadRequest, WeightsError or OutOfMemory in the animator's words; whatever `report` raises passes through."""
        request.validate()
        ways = ways_with_less(partial(self._body_made, request, report), pick_device(request.device), request.variations > 1)
        return first_with_room(ways, partial(self._make_room, self._face), _body_advice(request))

    def face(self, request: FaceRequest, report: Report) -> FaceReply:
        """Raises as `body` does, and UnderstudyError where this Python cannot read sound."""
        request.validate()
        ways = ways_with_less(partial(self._face_made, request, report), pick_device(request.device), is_many=False)
        return first_with_room(ways, partial(self._make_room, self._body), _FACE_ADVICE)

    def warm_up(self, job: WarmUp, report: Report) -> None:
        """Loads a body model and makes a moment of motion: what is used first takes longest. Raises as `body` does."""
        request = BodyRequest(job.id, "a person walks", MIN_SECONDS, steps=Quality.DRAFT.value, model=job.model, device=job.device)
        self._body_made(request, report, pick_device(job.device), one_by_one=False)

    def unload(self) -> None:
        """Drops the models and gives their memory back."""
        self._body.drop()
        self._face.drop()
        give_memory_back()
        if torch.cuda.is_available():
            with contextlib.suppress(RuntimeError):  # a card that failed fails at this too
                torch.cuda.empty_cache()

    def _make_room(self, other: LoadedModel) -> bool:
        """Whether there was a model of the other kind to drop."""
        had_other = other.drop()
        self.unload()
        return had_other

    def _body_made(self, request: BodyRequest, report: Report, device: torch.device, one_by_one: bool) -> BodyReply:
        began = time.perf_counter()
        pipeline, card = self._body.get(find_bundle(request.model, self._folders), device, report)
        loading = StageTime("loading", time.perf_counter() - began)
        recipe = Recipe(model=card.name, weights=card.sha256[:16], version=VERSION)
        generate = partial(generate_one_by_one, pipeline) if one_by_one else pipeline.generate
        if request.edit is not None:
            motions, times, notices = edited(pipeline, request, request.edit, recipe, report, generate)
            return BodyReply(request.id, tuple(motions), (loading, *times), notices)
        motions, times = generate(request, recipe, report)
        return BodyReply(request.id, tuple(motions), (loading, *times))

    def _face_made(self, request: FaceRequest, report: Report, device: torch.device, _one_by_one: bool) -> FaceReply:
        began = time.perf_counter()
        pipeline, card = self._face.get(find_face_bundle(request.model, self._folders), device, report)
        loading = StageTime("loading", time.perf_counter() - began)
        recipe = FaceRecipe(model=card.name, weights=card.sha256[:16], version=VERSION)
        motions, times = pipeline.generate(request, recipe, report)
        return FaceReply(request.id, tuple(motions), (loading, *times))


def pick_device(wish: str) -> torch.device:
    """ "auto" takes CUDA where it works. Raises BadRequest for a device that is not there."""
    if wish == "cuda" and not torch.cuda.is_available():
        raise BadRequest("CUDA was asked for, but this machine offers none to the engine: choose Auto or CPU in the preferences.")
    if wish not in ("auto", "cpu", "cuda"):
        raise BadRequest(f'The device "{wish}" is not known: choose auto, cpu or cuda.')
    if wish == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    _compute_in_full_float32()
    return torch.device("cuda")


def _compute_in_full_float32() -> None:
    """torch lets cuDNN round what goes into a convolution to TensorFloat-32's 10 bits, which was measured to move joints by up to 34 mm."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def _body_advice(request: BodyRequest) -> str:
    length = "" if request.seconds is None else f" of {request.seconds:g} s"
    return f"{request.variations} motion(s){length}: make fewer variations or a shorter motion"

