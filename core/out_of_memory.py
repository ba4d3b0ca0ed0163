"""Whether an error means that memory ran out. No torch here: starting torch is one of the things that memory can be too short for."""

from __future__ import annotations

import errno

# What allocators, oneDNN, the CUDA libraries and the dynamic linker say; CUDA's own error is a RuntimeError too
_SIGNS = (
    "can't allocate memory", "not enough memory", "Cannot allocate memory", "out of memory", "bad_alloc", "bad allocation", "ALLOC_FAILED",
    "could not create a primitive", "could not create a memory", "failed to map segment",
    "cannot map zero-fill pages",
)  # fmt: skip


def is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, RuntimeError | OSError | ImportError) and any(sign in str(error) for sign in _SIGNS)
