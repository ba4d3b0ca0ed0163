"""Is a fault told as a lack of memory when it is one, in whatever words it comes, and only then?"""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from understudy.core.out_of_memory import is_out_of_memory

REPO = Path(__file__).resolve().parents[2]


def caused(outer: Exception, inner: Exception, explicitly: bool) -> Exception:
    """`outer` as it is when it was raised because of `inner`."""
    outer.__cause__, outer.__context__ = (inner if explicitly else None), inner
    return outer


@pytest.mark.parametrize("error", [
    MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory"), RuntimeError("can't start new thread"),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    OSError("[WinError 1455] The paging file is too small for this operation to complete."),
    caused(ImportError("Error importing numpy"), ImportError("libgfortran.so: failed to map segment from shared object"), explicitly=True),
    caused(KeyError("module"), caused(ValueError("half read"), MemoryError(), explicitly=False), explicitly=False),
])  # fmt: skip
def test_a_lack_of_memory_is_told_by_the_error_or_what_led_to_it(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", [
    SystemError("error return without exception set"), RuntimeError("shapes do not fit"), OSError(errno.ENOSPC, "No space left on device"),
    ModuleNotFoundError("No module named 'torch'"), ValueError("out of memory"),
    caused(ImportError("Error importing numpy"), ImportError("wrong version"), explicitly=True),
])  # fmt: skip
def test_other_faults_are_not(error: Exception) -> None:
    assert not is_out_of_memory(error)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as Linux does")
def test_where_nothing_has_room_any_fault_is_one() -> None:
    program = """
import resource
from core.out_of_memory import is_out_of_memory
resource.setrlimit(resource.RLIMIT_DATA, (60 << 20, 60 << 20))
print(is_out_of_memory(SystemError("error return without exception set")))
"""
    answer = subprocess.run([sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["True"]
