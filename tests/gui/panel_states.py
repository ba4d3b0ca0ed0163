"""The states that the add-on's panels are drawn in. `module` gives one of the add-on's by its name. Runs with any bpy."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

Module = Callable[[str], Any]
SENTENCE = "The engine stopped while it was at work (exit code -9): nothing was changed. Generate again; Engine > Show Log tells more."
OFFER = "For this machine (NVIDIA GeForce RTX 4090, driver 580.65.6): PyTorch with CUDA 13.0, about 2.8 GB to fetch and 5.0 GB on the disk."


def no_engine(module: Module) -> None:
    _engine(module, "NOT_SET_UP")
    module("setting_up").state.look = SimpleNamespace(offer=OFFER, machine=True)


def setting_up(module: Module) -> None:
    _engine(module, "SETTING_UP")
    module("setting_up").state.run = SimpleNamespace(
        step="Fetching nvidia_cublas", detail="1,204 of about 2,770 MB", factor=0.4, began=time.monotonic(), sentence="",
        advance=lambda: False, cancel=lambda: None, stop=lambda: None,
    )  # fmt: skip


def set_up_failed(module: Module) -> None:
    _engine(module, "HALF_SET_UP")
    module("setting_up").state.look = SimpleNamespace(offer=OFFER, machine=True)
    told = "The network does not answer: look at it, then go on. What was fetched is kept."
    module("jobs").tell(told, is_error=True, about=module("jobs").ENGINE)


def ready(module: Module) -> None:
    _engine(module, "READY")


def older(module: Module) -> None:
    _engine(module, "OLDER")
    module("setting_up").state.look = SimpleNamespace(offer=OFFER, machine=True)


def generating(module: Module) -> None:
    ready(module)
    job = module("jobs").EngineJob(None)
    job.stage, job.factor = "Generating motion tokens", 0.6
    module("jobs").begin(job, module("jobs").BODY)


def recording(module: Module) -> None:
    ready(module)
    jobs = module("jobs")
    engine = SimpleNamespace(submit=lambda _request: None, next_id=lambda: 1, cancel=lambda: None)
    jobs.begin(jobs.RecordJob(engine, module("core.contract").RecordRequest(0, "voice.wav")), jobs.FACE)
    jobs.state.job.stage, jobs.state.job.level = module("core.contract").RECORDING_STAGE, 0.4


def failed(module: Module) -> None:
    ready(module)
    module("jobs").tell(SENTENCE, is_error=True)


def finished(module: Module) -> None:
    ready(module)
    state = module("jobs").state
    card = SimpleNamespace(held_mb=512.0, total_mb=8188.0)
    state.engine = SimpleNamespace(
        is_running=True, is_busy=False, idle_seconds=0.0, pid=os.getpid(), log=(), card_memory=card, close=lambda: None
    )
    state.memory_mb = 1234.0
    told = "Keyed “a person waves with the right hand (seed 1606252093)” and 3 more Actions on frames 1 to 297."
    module("jobs").tell(told, frames=(1.0, 297.0))


STATES: dict[str, Callable[[Module], None]] = {
    each.__name__: each for each in (no_engine, setting_up, set_up_failed, older, ready, generating, recording, failed, finished)
}


def clear(module: Module) -> None:
    """As if the add-on had just been enabled."""
    module("jobs").state.__init__()
    module("setting_up").state.__init__()


def _engine(module: Module, name: str) -> None:
    engine, environments = module("engine.setup"), module("engine.environments")
    state = engine.EngineState[name]
    folder = module("setting_up").engine_root() / "py3.11-torch2.13.0"
    made = environments.Environment(folder, "3.11", "2.13.0+cu130", "NVIDIA GeForce RTX 4090", ()) if state.is_usable else None
    module("setting_up").state.found = math.inf, "", engine.EnginePython(state, "python", made)
