"""What an error means: that memory ran out, or that the graphics card cannot be used.

No torch here: starting torch is one of the things that memory can be too short for.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

# What allocators, oneDNN, the CUDA libraries, the dynamic linker and Windows say; CUDA's own error is a RuntimeError too
_SIGNS = (
    "can't allocate memory", "not enough memory", "Cannot allocate memory", "out of memory", "bad_alloc", "bad allocation", "ALLOC_FAILED",
    "could not create a primitive", "could not create a memory", "failed to map segment",
    "cannot map zero-fill pages", "can't start new thread", "WinError 1455",
)  # fmt: skip
# How CUDA and its libraries begin what they say, a card among it that this build of torch is too new or too old for
_CARD_SIGNS = ("CUDA error", "CUDA driver", "NVIDIA driver", "no kernel image", "cuDNN", "CUDNN_STATUS", "CUBLAS_STATUS", "cublasLt")
_LITTLE_ROOM_BYTES = 64 << 20


def is_out_of_memory(error: BaseException) -> bool:
    """By the error, by those that led to it, or because there is no room for anything now: then Python and numpy fail in any words."""
    return any(map(_says_so, _with_its_causes(error))) or not _has_a_little_room()


def is_fault_of_the_card(error: BaseException) -> bool:
    """An error of the graphics card or its driver other than a lack of memory: the processor may do the same work."""
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _CARD_SIGNS)


def _says_so(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, RuntimeError | OSError | ImportError) and any(sign in str(error) for sign in _SIGNS)


def _with_its_causes(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _has_a_little_room() -> bool:
    try:
        bytearray(_LITTLE_ROOM_BYTES)
    except (MemoryError, SystemError):
        return False
    return True
