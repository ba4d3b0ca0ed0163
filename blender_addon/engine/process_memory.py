"""How much memory a process holds, without a library for it."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_MACOS_TASK_INFO, _MACOS_TASK_INFO_BYTES = 4, 96  # PROC_PIDTASKINFO of libproc.h; the resident size is its second 64-bit number
_WINDOWS_MAY_ASK = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION


class _WindowsCounters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of psapi.h."""

    _fields_ = (
        ("size", ctypes.c_uint32), ("faults", ctypes.c_uint32), ("peak", ctypes.c_size_t), ("resident", ctypes.c_size_t),
        ("others", ctypes.c_size_t * 6),
    )  # fmt: skip


def resident_mb(pid: int) -> float:
    """Of its own and shared memory that lies in RAM now; 0 where that cannot be told."""
    try:
        if sys.platform == "win32":
            return _of_windows(pid) / 1e6
        if sys.platform == "darwin":
            return _of_macos(pid) / 1e6
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def _of_macos(pid: int) -> int:
    buffer = (ctypes.c_uint64 * (_MACOS_TASK_INFO_BYTES // 8))()
    ctypes.CDLL("/usr/lib/libproc.dylib").proc_pidinfo(pid, _MACOS_TASK_INFO, ctypes.c_uint64(0), buffer, _MACOS_TASK_INFO_BYTES)
    return int(buffer[1])


def _of_windows(pid: int) -> int:
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = ctypes.c_void_p(kernel.OpenProcess(_WINDOWS_MAY_ASK, False, pid))
    if not handle:
        return 0
    counters = _WindowsCounters(size=ctypes.sizeof(_WindowsCounters))
    kernel.K32GetProcessMemoryInfo(handle, ctypes.byref(counters), counters.size)
    kernel.CloseHandle(handle)
    return int(counters.resident)
