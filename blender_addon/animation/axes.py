"""Understudy's axes (Y up, facing +Z) in Blender's (Z up, facing -Y)."""

from __future__ import annotations

import numpy as np

TO_BLENDER = np.array(((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)))  # (x, y, z) of ours to (x, -z, y) of Blender
