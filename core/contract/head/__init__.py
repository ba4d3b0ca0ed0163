"""Heads that face motions move: read from FLAME's files and from our own in the same layout, posed, and broken down into keys and bones.

Both sides of the door need this: Blender builds the face and the core measures on it. stdlib and numpy, as everything in the contract.
"""

from .face_geometry import FaceGeometry, face_geometry, skin_of, triangulated
from .head_files import DEFAULT_HEAD, read_head
from .head_model import FLAME_JOINTS, FLAME_PARENTS, JAW_CORRECTIVES, HeadModel
from .linear_jaw import LINEAR_JAW_NAMES, JawError, keys_of_jaw, linear_jaw_error, linear_jaw_keys, linear_jaw_values
from .lower_face import lower_face
from .posing import CORRECTIVE_NAMES, bone_locations, corrective_values, joint_rotations, posed, posed_motion
from .space_conversion import ConversionError, SpaceConversion, fit_conversion

__all__ = [
    "CORRECTIVE_NAMES",
    "DEFAULT_HEAD",
    "FLAME_JOINTS",
    "FLAME_PARENTS",
    "JAW_CORRECTIVES",
    "LINEAR_JAW_NAMES",
    "ConversionError",
    "FaceGeometry",
    "HeadModel",
    "JawError",
    "SpaceConversion",
    "bone_locations",
    "corrective_values",
    "face_geometry",
    "fit_conversion",
    "joint_rotations",
    "keys_of_jaw",
    "linear_jaw_error",
    "linear_jaw_keys",
    "linear_jaw_values",
    "lower_face",
    "posed",
    "posed_motion",
    "read_head",
    "skin_of",
    "triangulated",
]
