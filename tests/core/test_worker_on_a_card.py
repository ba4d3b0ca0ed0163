"""What does a worker say and make whose graphics card runs out of memory, at any stage? The card is a fake: it computes on the processor."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np

from understudy.core.contract import (
    CONTRACT_VERSION,
    VERSION,
    BodyReply,
    BodyRequest,
    Cancel,
    CardMemory,
    Failure,
    Hello,
    Progress,
    WarmUp,
)
from understudy.tests.core.worker_processes import Spawn, errors_of, receive, send, until_done

REPO = Path(__file__).resolve().parents[2]
# By the number of a request: the stage that finds no room on the card; "many" finds none for more than one motion at once
FAULTS = {3: "tokens", 4: "load", 5: "many"}
FAKE_CARD = """
import sys
sys.path.insert(0, {repo!r})
import torch
from pathlib import Path
from core import service, worker
from core.body import pipeline

torch.set_num_threads(1)
FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 3.81 GiB")
now = {{"on_card": False, "fault": ""}}

def full_if(stage):
    if now["on_card"] and now["fault"] == stage:
        raise FULL

def checked(function, stage, is_too_much=lambda *arguments: True):
    def call(*arguments, **options):
        if is_too_much(*arguments):
            full_if(stage)
        return function(*arguments, **options)
    return call

def load(folder, device, load=service.load_pipeline):
    full_if("load")
    return load(folder, torch.device("cpu"))

def made(self, request, report, device, one_by_one, made=service.Service._body_made):
    now.update(on_card=device.type == "cuda", fault={faults}.get(request.id, ""))
    return made(self, request, report, device, one_by_one)

service.load_pipeline, service.Service._body_made = load, made
service.pick_device = lambda wish: torch.device("cuda" if wish != "cpu" else "cpu")
pipeline.generate_base_tokens = checked(pipeline.generate_base_tokens, "tokens")
pipeline.BodyPipeline._decoded = checked(pipeline.BodyPipeline._decoded, "many", lambda self, codes, *others: len(codes) > 1)
torch.cuda.is_initialized = lambda: True
torch.cuda.mem_get_info = lambda: (6_000_000_000, 8_000_000_000)
torch.cuda.memory_reserved = lambda: 500_000_000
worker.main((Path({models!r}),), 0)
"""


def test_what_finds_no_room_on_the_card_is_made_all_the_same(spawn: Spawn, tiny_bundle: Path, minilm_folder: Path, tmp_path: Path) -> None:
    """One process, because starting torch takes its time. Whatever the stage, the motion is the one that the processor makes."""
    script = tmp_path / "fake_card.py"
    script.write_text(FAKE_CARD.format(repo=str(REPO), models=str(tiny_bundle.parent), faults=FAULTS))
    process = spawn(command=[sys.executable, "-s", "-u", str(script)])
    send(process, Hello(CONTRACT_VERSION, VERSION))
    assert isinstance(receive(process), Hello)

    send(process, WarmUp(1, "tiny"))
    assert until_done(process)[-2:] == [CardMemory(1, 500.0, 6000.0, 8000.0), Progress(1, "warm", 1, 1)]

    def asked(number: int, **changes: object) -> tuple[BodyReply, list[str]]:
        request = BodyRequest(number, "walks", seconds=1.0, steps=2, model="tiny")
        send(process, dataclasses.replace(request, **changes))  # type: ignore[arg-type]
        *before, reply = until_done(process)
        assert isinstance(reply, BodyReply) and before[-1] == CardMemory(number, 500.0, 6000.0, 8000.0)
        return reply, [message.stage for message in before if isinstance(message, Progress)]

    plain, stages = asked(2)
    assert plain.notices == () and "Loading the model" not in stages  # the warm-up has loaded it
    for number in (3, 4):  # in this order, because what is loaded on the card is not loaded again
        reply, _ = asked(number)
        (notice,) = reply.notices
        assert "graphics card had too little memory" in notice and "processor made it" in notice
        np.testing.assert_array_equal(reply.motions[0].rotations, plain.motions[0].rotations)

    several, _ = asked(5, variations=3)
    assert [motion.recipe.variation for motion in several.motions] == [0, 1, 2]
    assert len(several.notices) == 1 and "one by one" in several.notices[0]
    after, stages = asked(6)
    assert after.notices == () and "Loading the model" not in stages

    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=5) == 0
    assert errors_of(process).count("understudy: cuda: CUDA out of memory.") == 2 * 2 + 1


def test_a_request_cuts_a_warm_up_short(spawn: Spawn, tiny_bundle: Path, minilm_folder: Path) -> None:
    """As Blender's side does it: a cancel, and the request right behind."""
    process = spawn("--models", str(tiny_bundle.parent))
    send(process, Hello(CONTRACT_VERSION, VERSION), WarmUp(1, "tiny", "cpu"), Cancel(1))
    send(process, BodyRequest(2, "walks", seconds=1.0, steps=2, model="tiny", device="cpu"))
    assert isinstance(receive(process), Hello)
    assert until_done(process)[-1] == Failure(1, "Cancelled", "Cancelled: nothing was changed.")
    assert isinstance(until_done(process)[-1], BodyReply)
