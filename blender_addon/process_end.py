"""Ends a Python that has used Blender as a module.

At a usual exit a static destructor of bpy can wait for ever for one of bpy's own threads (seen with 4.5.15, after many files were opened).
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def end_process(status: int) -> NoReturn:
    """All output is flushed; nothing else is tidied up, so every file must be closed before."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
