"""Does the service load once, pick a device that is there, and translate every failure of memory?"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core import service as service_module
from understudy.core.checkpoints import read_card
from understudy.core.contract import VERSION, BadRequest, BodyRequest, Cancelled, OutOfMemory, WeightsError
from understudy.core.out_of_memory import is_out_of_memory
from understudy.core.service import Service, pick_device

REQUEST = BodyRequest(7, "a person walks", seconds=1.0, steps=2, model="tiny", device="cpu")


def silent(stage: str, step: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def service(tiny_bundle: Path) -> Service:
    return Service((tiny_bundle.parent,))


def test_a_reply_carries_its_job_its_motions_and_the_model(service: Service, tiny_bundle: Path) -> None:
    reply = service.body(dataclasses.replace(REQUEST, variations=2, seed=3), silent)
    assert reply.id == 7 and [motion.recipe.seed for motion in reply.motions] == [3, 4]
    card = read_card(tiny_bundle)
    assert {(m.recipe.model, m.recipe.weights, m.recipe.version) for m in reply.motions} == {("tiny", card.sha256[:16], VERSION)}
    assert reply.times[0].stage == "loading" and len({lap.stage for lap in reply.times}) == len(reply.times) == 6


def test_a_model_stays_loaded_until_it_is_unloaded(service: Service) -> None:
    def stages() -> list[str]:
        told: list[str] = []
        service.body(REQUEST, lambda stage, step, total: told.append(stage))
        return told

    service.unload()
    assert "Loading the model" in stages()
    assert "Loading the model" not in stages()
    service.unload()
    assert "Loading the model" in stages()


def test_a_cancelled_job_passes_through_and_the_next_one_works(service: Service) -> None:
    def cancel(stage: str, step: int, total: int) -> None:
        if stage == "Adding detail":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        service.body(REQUEST, cancel)
    assert len(service.body(REQUEST, silent).motions[0].translation) == 21


def test_a_bad_request_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(BadRequest):
        Service((tmp_path,)).body(dataclasses.replace(REQUEST, text=" "), lambda stage, step, total: told.append(stage))
    assert told == []


def test_a_prompt_in_another_script_is_a_bad_request(service: Service) -> None:
    with pytest.raises(BadRequest, match="English"):
        service.body(dataclasses.replace(REQUEST, text="\u8df3\u8dc3"), silent)


def test_a_step_that_is_not_readable_is_a_bad_request(service: Service) -> None:
    with pytest.raises(BadRequest, match="English"):
        service.body(dataclasses.replace(REQUEST, text="a person walks, then 3.5"), silent)


@pytest.mark.parametrize(
    "text", ["a", "walks.", "then", "first, then", "!!! walks ;;", "a person walks \udcff", "walks\0forward", "then " * 150, "a. " * 40]
)
def test_odd_prompts_make_a_motion_all_the_same(text: str, service: Service) -> None:
    motion = service.body(dataclasses.replace(REQUEST, text=text), silent).motions[0]
    assert len(motion.translation) == 21 and bool(np.isfinite(motion.rotations).all())


def test_an_unknown_model_is_a_weights_error(service: Service) -> None:
    with pytest.raises(WeightsError, match="installed: tiny"):
        service.body(dataclasses.replace(REQUEST, model="missing"), silent)


def test_a_model_whose_file_is_overwritten_stays_usable_and_a_new_one_is_loaded(bundle_copy: Path, minilm_folder: Path) -> None:
    own = Service((bundle_copy.parent,))
    before = own.body(REQUEST, silent)
    weights, card = bundle_copy / "model.safetensors", bundle_copy / "bundle.json"
    content = weights.read_bytes()
    with weights.open("r+b") as file:
        file.truncate(0)
    np.testing.assert_array_equal(own.body(REQUEST, silent).motions[0].rotations, before.motions[0].rotations)
    weights.write_bytes(content)
    card.write_text(card.read_text().replace('"guidance": 4.0', '"guidance": 2.0').replace('"title": "Tiny"', '"title": "New"'))
    told: list[str] = []
    own.body(REQUEST, lambda stage, step, total: told.append(stage))
    assert "Loading the model" in told


@pytest.mark.parametrize("device", ["", "gpu", "CUDA", "cuda:0", "mps", "meta"])
def test_unknown_devices_are_refused(device: str) -> None:
    with pytest.raises(BadRequest, match="auto, cpu or cuda"):
        pick_device(device)


@pytest.mark.parametrize("has_cuda", [True, False])
def test_auto_takes_cuda_where_it_works(has_cuda: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    assert pick_device("auto").type == ("cuda" if has_cuda else "cpu")
    assert pick_device("cpu").type == "cpu"
    if has_cuda:
        assert pick_device("cuda").type == "cuda"
    else:
        with pytest.raises(BadRequest, match="CUDA was asked for"):
            pick_device("cuda")


def test_a_graphics_card_computes_in_full_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own default would round what goes into convolutions, and other seeds' motions would come out than on the processor."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    settings = torch.backends.cudnn, torch.backends.cuda.matmul
    usual = [each.allow_tf32 for each in settings]
    try:
        for each in settings:
            each.allow_tf32 = True
        pick_device("auto")
        assert not any(each.allow_tf32 for each in settings)
    finally:
        for each, before in zip(settings, usual, strict=True):
            each.allow_tf32 = before


def test_what_the_allocator_really_says_is_understood() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize("error", [
    MemoryError(), torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("std::bad_alloc"), RuntimeError("bad allocation"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
    RuntimeError("unable to mmap 4096 bytes from file <x>: Cannot allocate memory (12)"), OSError(12, "Cannot allocate memory"),
    RuntimeError("CUDA error: out of memory"), RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling"),
], ids=str)  # fmt: skip
def test_every_way_of_running_out_of_memory_is_known(error: BaseException) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("shape mismatch"), ValueError("memory"), OSError(2, "No such file"), KeyError("memory")], ids=str
)
def test_other_errors_are_not_taken_for_it(error: BaseException) -> None:
    assert not is_out_of_memory(error)


@pytest.mark.parametrize(("error", "told"), [(MemoryError(), True), (RuntimeError("std::bad_alloc"), True), (OSError(12, "Cannot allocate memory"), True),
                                             (RuntimeError("shape mismatch"), False), (OSError(5, "Input/output error"), False)])  # fmt: skip
def test_a_job_without_memory_says_how_to_need_less_and_the_next_works(
    error: Exception, told: bool, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(service_module.BodyPipeline, "generate", fail)
        with pytest.raises(OutOfMemory if told else type(error)) as caught:
            service.body(dataclasses.replace(REQUEST, variations=3, seconds=250.0), silent)
    if told:
        text = str(caught.value)
        assert "not enough memory" in text and "3 motion" in text and "250 s" in text and "fewer variations" in text
    assert len(service.body(REQUEST, silent).motions) == 1
