"""The only door between Blender and the core: requests, replies, motions, errors, and their bytes on a pipe.

Stdlib and numpy only, because both sides import it. Conventions everywhere: float32; seconds, metres, radians; Y up, the
body faces +Z, its left is +X; quaternions wxyz, unit, sign-continuous in time. T frames, J joints.
"""

from .errors import (
    BadRequest,
    Cancelled,
    ContractError,
    OutOfMemory,
    UnderstudyError,
    VersionMismatch,
    WeightsError,
    WorkerDied,
    WorkerHung,
)
from .face_motion import FaceMotion
from .face_spaces import ARKIT, FLAME_2020, FLAME_2023, FLAME_2023_OPEN, flame_expression_names
from .folders import user_models_folder
from .frames import decode_frame, encode_frame, read_frame
from .messages import (
    CONTRACT_VERSION,
    MAX_PROMPT_CHARACTERS,
    MAX_SECONDS,
    MAX_SEED,
    MAX_VARIATIONS,
    MIN_SECONDS,
    BodyReply,
    BodyRequest,
    Cancel,
    Failure,
    Hello,
    ImportReply,
    ImportRequest,
    Job,
    Message,
    Progress,
    Quality,
    RemoveReply,
    RemoveRequest,
    Reply,
    StageTime,
    Unload,
)
from .motion import BodyMotion
from .recipes import FaceRecipe, Recipe
from .version import VERSION

__all__ = [
    "ARKIT",
    "CONTRACT_VERSION",
    "FLAME_2020",
    "FLAME_2023",
    "FLAME_2023_OPEN",
    "MAX_PROMPT_CHARACTERS",
    "MAX_SECONDS",
    "MAX_SEED",
    "MAX_VARIATIONS",
    "MIN_SECONDS",
    "VERSION",
    "BadRequest",
    "BodyMotion",
    "BodyReply",
    "BodyRequest",
    "Cancel",
    "Cancelled",
    "ContractError",
    "FaceMotion",
    "FaceRecipe",
    "Failure",
    "Hello",
    "ImportReply",
    "ImportRequest",
    "Job",
    "Message",
    "OutOfMemory",
    "Progress",
    "Quality",
    "Recipe",
    "RemoveReply",
    "RemoveRequest",
    "Reply",
    "StageTime",
    "UnderstudyError",
    "Unload",
    "VersionMismatch",
    "WeightsError",
    "WorkerDied",
    "WorkerHung",
    "decode_frame",
    "encode_frame",
    "flame_expression_names",
    "read_frame",
    "user_models_folder",
]
