"""The only door between Blender and the core: requests, replies, motions, errors, and their bytes on a pipe.

Stdlib and numpy only, because both sides import it. Conventions everywhere: float32; seconds, metres, radians; Y up, the
body faces +Z, its left is +X; quaternions wxyz, unit, sign-continuous in time. T frames, J joints.
"""

from .emotions import EMOTIONS, MAX_INTENSITY, EmotionChange
from .engine_messages import CardMemory, WarmUp
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
from .face_amounts import MAX_AMOUNT, FaceAmounts, with_amounts
from .face_messages import MAX_DIVERSITY, MAX_FACE_SECONDS, MAX_TEMPERATURE, SPEAKING_STAGE, FaceReply, FaceRequest
from .face_motion import FaceMotion
from .face_spaces import ARKIT, FLAME_2020, FLAME_2023, FLAME_2023_OPEN, flame_expression_names
from .folders import user_models_folder
from .frames import decode_frame, encode_frame, read_frame
from .gaze_shapes import gaze_as_shapes
from .messages import (
    CONTRACT_VERSION,
    MAX_PROMPT_CHARACTERS,
    MAX_SECONDS,
    MIN_SECONDS,
    SHAPING_STAGE,
    BodyReply,
    BodyRequest,
    Cancel,
    Failure,
    Hello,
    ImportReply,
    ImportRequest,
    Job,
    Message,
    Quality,
    RemoveReply,
    RemoveRequest,
    Reply,
    Unload,
)
from .model_choice import USUAL_MODEL, chosen_model, model_choice_file
from .motion import BodyMotion
from .motion_edit import LOWER_BODY_JOINTS, MIN_EDIT_SECONDS, MotionEdit
from .progress import Progress, StageTime
from .ranges import MAX_SEED, MAX_VARIATIONS
from .recipes import FaceRecipe, Recipe
from .recording_messages import (
    MAX_RECORDING_SECONDS,
    RECORDING_STAGE,
    Level,
    MicrophonesReply,
    MicrophonesRequest,
    RecordReply,
    RecordRequest,
    StopRecording,
)
from .version import VERSION

__all__ = [
    "ARKIT",
    "CONTRACT_VERSION",
    "EMOTIONS",
    "FLAME_2020",
    "FLAME_2023",
    "FLAME_2023_OPEN",
    "LOWER_BODY_JOINTS",
    "MAX_AMOUNT",
    "MAX_DIVERSITY",
    "MAX_FACE_SECONDS",
    "MAX_INTENSITY",
    "MAX_PROMPT_CHARACTERS",
    "MAX_RECORDING_SECONDS",
    "MAX_SECONDS",
    "MAX_SEED",
    "MAX_TEMPERATURE",
    "MAX_VARIATIONS",
    "MIN_EDIT_SECONDS",
    "MIN_SECONDS",
    "RECORDING_STAGE",
    "SHAPING_STAGE",
    "SPEAKING_STAGE",
    "USUAL_MODEL",
    "VERSION",
    "BadRequest",
    "BodyMotion",
    "BodyReply",
    "BodyRequest",
    "Cancel",
    "Cancelled",
    "CardMemory",
    "ContractError",
    "EmotionChange",
    "FaceAmounts",
    "FaceMotion",
    "FaceRecipe",
    "FaceReply",
    "FaceRequest",
    "Failure",
    "Hello",
    "ImportReply",
    "ImportRequest",
    "Job",
    "Level",
    "Message",
    "MicrophonesReply",
    "MicrophonesRequest",
    "MotionEdit",
    "OutOfMemory",
    "Progress",
    "Quality",
    "Recipe",
    "RecordReply",
    "RecordRequest",
    "RemoveReply",
    "RemoveRequest",
    "Reply",
    "StageTime",
    "StopRecording",
    "UnderstudyError",
    "Unload",
    "VersionMismatch",
    "WarmUp",
    "WeightsError",
    "WorkerDied",
    "WorkerHung",
    "chosen_model",
    "decode_frame",
    "encode_frame",
    "flame_expression_names",
    "gaze_as_shapes",
    "model_choice_file",
    "read_frame",
    "user_models_folder",
    "with_amounts",
]
