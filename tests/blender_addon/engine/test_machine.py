"""Is what a machine has found out, whatever nvidia-smi answers, and does the fitting torch follow from it?"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from understudy.blender_addon.engine import machine
from understudy.blender_addon.engine.environments import torch_requirement
from understudy.blender_addon.engine.machine import Machine, NvidiaCard, best_card, blenders_python, look_at_machine
from understudy.blender_addon.engine.torch_builds import INDEX, NoFittingTorch, fitting_build

TORCH = torch_requirement()
needs_unix = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="programs are those of Unix, and Apple has no NVIDIA")


def test_the_card_with_the_most_memory_is_taken_and_odd_cells_do_no_harm() -> None:
    table = "NVIDIA T400, 580.65.06, 2048, 7.5\nNVIDIA RTX A6000, 580.65.06, 49140, 8.6\n"
    assert best_card(table) == NvidiaCard("NVIDIA RTX A6000", (580, 65, 6), 49140, 8.6)
    assert best_card("GRID V100, 470.82, [N/A], [Not Supported]\n") == NvidiaCard("GRID V100", (470, 82), 0, 0.0)
    assert best_card("NVIDIA GeForce GTX 980, 452.39, 4096\n") == NvidiaCard("NVIDIA GeForce GTX 980", (452, 39), 4096, 0.0)
    for nothing in ("", "No devices were found\n", "a, b, c\n", "\n\n"):
        assert best_card(nothing) is None


SMI = """import sys
query = next(argument for argument in sys.argv if argument.startswith("--query-gpu="))
if {fails_for!r} and {fails_for!r} in query:
    sys.exit(2)
print({answer!r})
"""


@needs_unix
@pytest.mark.parametrize(
    ("fails_for", "answer", "expected"),
    [
        ("", "NVIDIA L4, 595.10, 23034, 8.9", NvidiaCard("NVIDIA L4", (595, 10), 23034, 8.9)),
        ("compute_cap", "Tesla K80, 450.80.02, 11441", NvidiaCard("Tesla K80", (450, 80, 2), 11441, 0.0)),
        ("name", "NVIDIA-SMI has failed because it could not talk to the driver", None),
    ],
)
def test_the_machine_asks_nvidia_smi(
    fails_for: str, answer: str, expected: NvidiaCard | None, executable: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = executable(SMI.format(fails_for=fails_for, answer=answer))
    tool.rename(tool.with_name("nvidia-smi"))
    monkeypatch.setenv("PATH", str(tool.parent))
    found = look_at_machine()
    assert found.card == expected and found.system == sys.platform and found.processor in ("x86_64", "arm64")


@needs_unix
def test_a_tool_that_hangs_or_cannot_be_started_is_no_card(executable: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    tool = executable("import time; time.sleep(60)")
    monkeypatch.setattr(machine, "_SECONDS", 0.2)
    assert machine._ask(str(tool), ("name",)) == ""
    assert machine._ask(str(tool.parent / "missing"), ("name",)) == ""


@needs_unix
def test_a_short_path_does_not_hide_the_tool(executable: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    tool = executable(SMI.format(fails_for="", answer="NVIDIA L4, 595.10, 23034, 8.9"))
    tool.rename(tool.with_name("nvidia-smi"))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(machine, "_USUAL_FOLDERS", ("/nowhere/else", str(tool.parent)))
    assert machine._nvidia_card() is not None


def test_blenders_python_is_one_that_can_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Path(blenders_python()).is_file()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / f"python{version}"
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/opt/blender/blender")
    monkeypatch.setattr(sys, "_base_executable", "/opt/blender/blender")
    assert blenders_python() == ""
    python.touch()
    assert blenders_python() == str(python)


CARD = NvidiaCard("NVIDIA RTX 4090", (580, 65, 6), 24564, 8.9)


@pytest.mark.parametrize(
    ("found", "pip"),
    [
        (Machine("linux", "x86_64", "3.11"), (f"{TORCH}+cpu --extra-index-url {INDEX}/cpu", TORCH)),
        (Machine("win32", "x86_64", "3.11"), (TORCH, f"{TORCH}+cpu --extra-index-url {INDEX}/cpu")),
        (Machine("darwin", "arm64", "3.13"), (TORCH,)),
        (Machine("linux", "x86_64", "3.11", CARD), (TORCH,)),
        (Machine("win32", "x86_64", "3.11", CARD), (f"{TORCH}+cu130 --extra-index-url {INDEX}/cu130",)),
        (Machine("linux", "x86_64", "3.11", NvidiaCard("old driver", (550, 54), 8000, 8.6)), (f"{TORCH}+cu126 --extra-index-url {INDEX}/cu126",)),
        (Machine("win32", "x86_64", "3.11", NvidiaCard("GTX 1080", (581, 15), 8000, 6.1)), (f"{TORCH}+cu126 --extra-index-url {INDEX}/cu126",)),
        (Machine("linux", "x86_64", "3.11", NvidiaCard("chip unknown", (581, 15), 8000)), (TORCH,)),
    ],
)  # fmt: skip
def test_the_build_follows_from_system_card_and_driver(found: Machine, pip: tuple[str, ...]) -> None:
    assert tuple(each.pip for each in fitting_build(found, TORCH).tries) == pip


@pytest.mark.parametrize("card", [NvidiaCard("ancient", (470, 82), 2000, 3.5), NvidiaCard("new chip, old driver", (572, 16), 32000, 12.0)])
def test_a_card_that_no_build_fits_leaves_the_processor_and_a_hint(card: NvidiaCard) -> None:
    build = fitting_build(Machine("linux", "x86_64", "3.11", card), TORCH)
    assert build.tries[0].pip.startswith(f"{TORCH}+cpu ") and "driver from 580 on" in build.note


def test_what_would_happen_is_said_with_sizes() -> None:
    found = Machine("linux", "x86_64", "3.11", CARD)
    sentence = fitting_build(found, TORCH).sentence(found)
    assert "NVIDIA RTX 4090, driver 580.65.6" in sentence and "2.8 GB to fetch and 5.0 GB on the disk" in sentence
    plain = Machine("linux", "x86_64", "3.11")
    sentence = fitting_build(plain, TORCH).sentence(plain)
    assert "222 MB to fetch" in sentence and "(where pytorch.org cannot be reached, 2.8 GB and 5.0 GB)" in sentence


def test_a_mac_with_an_intel_processor_is_told() -> None:
    with pytest.raises(NoFittingTorch, match="no longer made for Macs with Intel"):
        fitting_build(Machine("darwin", "x86_64", "3.11"), TORCH)
