"""Memory that Python and torch have freed, given back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_memory_back() -> None:
    """The C library of Linux keeps what was freed between things that are still in use, hundreds of megabytes after a model is loaded."""
    gc.collect()
    if not sys.platform.startswith("linux"):
        return
    # Other C libraries of Linux than GNU's have no such function, and give memory back by themselves
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
