"""Heads that face motions move: read from FLAME's files and from our own in the same layout, posed, and broken down into keys and bones.

Both sides of the door need this: Blender builds the face and the core measures on it. stdlib and numpy, as everything in the contract.
"""

from .head_files import DEFAULT_HEAD, read_head
from .head_model import FLAME_JOINTS, FLAME_PARENTS, HeadModel

__all__ = ["DEFAULT_HEAD", "FLAME_JOINTS", "FLAME_PARENTS", "HeadModel", "read_head"]
