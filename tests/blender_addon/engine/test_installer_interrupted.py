"""Killed at any moment, a set-up leaves an engine that works or one that can be set up: never half of one that claims to work."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from understudy.blender_addon.engine import setup
from understudy.blender_addon.engine.installer import DROPPED
from understudy.blender_addon.engine.setup import ENVIRONMENT_VARIABLE, EngineState, find_engine_python
from understudy.tests.blender_addon.engine.set_ups import begin, set_up
from understudy.tests.blender_addon.engine.small_wheels import write_wheels

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the installer's children in /proc")
MOMENTS = 10
# Others in an hour of hard use, which prints them
SEED = random.SystemRandom().randrange(10**6) if "UNDERSTUDY_ENDURANCE" in os.environ else 7
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wheels(tmp_path_factory.mktemp("wheels"), modules=150)


@pytest.fixture(autouse=True)
def no_other_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(setup, "_torch_is_beside_us", lambda: False)


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def imports_torch(python: str) -> bool:
    names = "torch.part_149, numpy.part_149, safetensors.part_149, ftfy.part_149"
    return subprocess.run([python, "-s", "-c", f"import {names}"], capture_output=True, check=False).returncode == 0


def test_killed_at_ten_random_moments_it_ends_usable_or_resumable(wheels: Path, tmp_path: Path, is_gone: Callable[[int], bool]) -> None:
    chance = random.Random(int(os.environ.get("UNDERSTUDY_SEED", SEED)))
    print(f"UNDERSTUDY_SEED={os.environ.get('UNDERSTUDY_SEED', SEED)}")
    seen: set[EngineState] = set()
    began = time.monotonic()
    assert set_up(tmp_path / "measured", "--wheels", wheels).status == 0
    usual = time.monotonic() - began
    for number in range(MOMENTS):
        # Every time on what the last one left; the environment that a completed one made is begun anew
        process = begin(tmp_path / "engine", "--wheels", wheels, *(["--afresh"] if number % 2 else []))
        time.sleep(chance.uniform(0.0, usual))
        pips = children(process.pid)
        if number % 3 == 2 and pips:
            os.kill(pips[0], signal.SIGKILL)
        else:
            process.kill()
        process.communicate(timeout=PATIENCE_S)
        wait_until(lambda pips=pips: all(map(is_gone, pips)))  # type: ignore[misc]
        found = find_engine_python("", tmp_path / "engine")
        assert found.state in (EngineState.NOT_SET_UP, EngineState.HALF_SET_UP, EngineState.READY)
        assert found.state is not EngineState.READY or imports_torch(found.path)
        seen.add(found.state)
    print(f"{MOMENTS} times interrupted: {', '.join(sorted(state.name for state in seen))}")
    assert EngineState.HALF_SET_UP in seen
    assert set_up(tmp_path / "engine", "--wheels", wheels).status == 0
    found = find_engine_python("", tmp_path / "engine")
    assert found.state is EngineState.READY and imports_torch(found.path)
    assert sorted(path.name for path in (tmp_path / "engine").iterdir() if path.is_dir()) == [Path(found.path).parents[1].name]


def test_when_blender_is_gone_the_set_up_and_its_pip_go_too(wheels: Path, tmp_path: Path, is_gone: Callable[[int], bool]) -> None:
    process = begin(tmp_path / "engine", "--wheels", wheels)
    assert process.stdin is not None
    wait_until(lambda: bool(children(process.pid)))
    pips = children(process.pid)
    process.stdin.close()
    assert process.wait(PATIENCE_S) == DROPPED
    wait_until(lambda: all(map(is_gone, pips)))
    assert set_up(tmp_path / "engine", "--wheels", wheels).status == 0
