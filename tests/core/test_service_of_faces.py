"""Does the service answer voices with faces, keep both kinds of model beside each other, and make room where there is none?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from understudy.core import service as service_module
from understudy.core.contract import (
    VERSION,
    BadRequest,
    BodyReply,
    BodyRequest,
    Cancelled,
    FaceReply,
    FaceRequest,
    OutOfMemory,
    WeightsError,
)
from understudy.core.face_bundles import read_face_card
from understudy.core.service import Service

WriteVoice = Callable[..., Path]
WALK = BodyRequest(7, "a person walks", seconds=1.0, steps=2, model="tiny", device="cpu")


def silent(stage: str, step: int, total: int) -> None:
    pass


@pytest.fixture
def request_(write_voice: WriteVoice) -> FaceRequest:
    return FaceRequest(8, str(write_voice()), model="tiny_face", device="cpu", seed=3)


@pytest.fixture
def service(tiny_face_bundle: Path, written_bundle: Path) -> Service:
    return Service((tiny_face_bundle.parent, written_bundle.parent))


def loads(make: Callable[..., object], request: object) -> bool:
    told: list[str] = []
    make(request, lambda stage, step, total: told.append(stage))
    return "Loading the model" in told


def test_a_reply_carries_its_job_its_faces_and_the_model(service: Service, request_: FaceRequest, tiny_face_bundle: Path) -> None:
    reply = service.face(dataclasses.replace(request_, variations=2), silent)
    assert isinstance(reply, FaceReply) and reply.id == 8 and [motion.recipe.seed for motion in reply.motions] == [3, 4]
    card = read_face_card(tiny_face_bundle)
    assert {(m.recipe.model, m.recipe.weights, m.recipe.version) for m in reply.motions} == {("tiny_face", card.sha256[:16], VERSION)}
    assert [lap.stage for lap in reply.times] == ["loading", "sound", "emotions", "face", "blinks, head and gaze"]


def test_a_face_model_stays_loaded_beside_a_body_model(service: Service, request_: FaceRequest, minilm_folder: Path) -> None:
    assert loads(service.face, request_) and loads(service.body, WALK)
    assert not loads(service.face, request_) and not loads(service.body, WALK)
    service.unload()
    assert loads(service.face, request_) and loads(service.body, WALK)


@pytest.mark.parametrize(("changes", "error", "shown"), [
    ({"audio": ""}, BadRequest, "No sound is chosen"), ({"audio": "/none.wav"}, BadRequest, "does not exist"), ({"emotion": "glad"}, BadRequest, "not known"),
    ({"model": "tiny"}, WeightsError, 'no face model "tiny"; installed: tiny_face'), ({"device": "gpu"}, BadRequest, "auto, cpu or cuda"),
    ({"actor": 9}, BadRequest, "no speaker 9"),
])  # fmt: skip
def test_bad_requests(changes: dict[str, object], error: type[Exception], shown: str, service: Service, request_: FaceRequest) -> None:
    with pytest.raises(error, match=shown):
        service.face(dataclasses.replace(request_, **changes), silent)  # type: ignore[arg-type]


def test_a_body_is_not_made_by_a_face_model(service: Service) -> None:
    with pytest.raises(WeightsError, match="installed: tiny"):
        service.body(dataclasses.replace(WALK, model="tiny_face"), silent)


def test_a_cancelled_face_passes_through_and_the_next_one_works(service: Service, request_: FaceRequest) -> None:
    def cancel(stage: str, step: int, total: int) -> None:
        if stage == "Speaking":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        service.face(request_, cancel)
    assert len(service.face(request_, silent).motions[0].expression) == 50


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("std::bad_alloc"), OSError(12, "Cannot allocate memory")], ids=str)
def test_a_face_without_memory_says_how_to_need_less(
    error: Exception, service: Service, request_: FaceRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(service_module.FacePipeline, "generate", fail)
        with pytest.raises(OutOfMemory, match="not enough memory on this machine for the face: .* fewer variations, or close"):
            service.face(request_, silent)
    assert len(service.face(request_, silent).motions) == 1


def test_what_finds_no_room_beside_the_other_model_finds_it_alone(
    service: Service, request_: FaceRequest, minilm_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = service.face(request_, silent).motions[0]
    assert isinstance(service.body(WALK, silent), BodyReply)
    generate, tried = service_module.FacePipeline.generate, []

    def crowded(pipeline: service_module.FacePipeline, *arguments: object) -> object:
        tried.append(pipeline)
        if len(tried) == 1:
            raise MemoryError
        return generate(pipeline, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as full:
        full.setattr(service_module.FacePipeline, "generate", crowded)
        found = service.face(request_, silent).motions[0]
    np.testing.assert_array_equal(found.expression, expected.expression)
    assert len(tried) == 2 and loads(service.body, WALK)
