"""What crosses the door: one request in, progress and one reply out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .engine_messages import CardMemory, WarmUp
from .errors import BadRequest, UnderstudyError
from .face_messages import FaceReply, FaceRequest
from .motion import BodyMotion
from .motion_edit import MotionEdit
from .progress import Progress, StageTime
from .ranges import MAX_SEED, MAX_VARIATIONS, check_range
from .recording_messages import Level, MicrophonesReply, MicrophonesRequest, RecordReply, RecordRequest, StopRecording

# Raised by one whenever a field or a meaning changes; both sides compare it at the first frame.
CONTRACT_VERSION = 7

MIN_SECONDS, MAX_SECONDS = 0.5, 300.0
SHAPING_STAGE = "Shaping the motion"
MAX_PROMPT_CHARACTERS = 1000
MAX_GUIDANCE = 20.0
MAX_STEPS = 200


class Quality(Enum):
    """Grid points of the midpoint sampler; n points cost 2 (n - 1) evaluations of the flow network."""

    DRAFT = 2
    NORMAL = 16
    HIGH = 30


@dataclass(frozen=True)
class Hello:
    """First frame of either side. `device` is empty where the sender has none (Blender)."""

    contract: int
    version: str
    device: str = ""


@dataclass(frozen=True)
class BodyRequest:
    """One text-to-motion job.

    seconds: length of the motion, or None to let the model estimate it. steps: grid points of the flow sampler (see Quality).
    guidance: strength of the prompt in the token transformers, 1 is none; None takes what the model was measured with.
    lock_feet: planted feet are kept from sliding and from sinking into the floor.
    model: a bundle's name, or the full path of its folder.
    device: "auto", "cpu" or "cuda".
    edit: a motion of which a range is made anew as the text says; its length counts then, and `seconds` is None.
    """

    id: int
    text: str
    seconds: float | None = None
    seed: int = 0
    steps: int = Quality.NORMAL.value
    guidance: float | None = None
    variations: int = 1
    model: str = "starter"
    device: str = "auto"
    lock_feet: bool = True
    edit: MotionEdit | None = None

    def validate(self) -> None:
        """Raises BadRequest with one sentence about the first value that cannot be used."""
        self._validate_text()
        if self.seconds is not None and not MIN_SECONDS <= self.seconds <= MAX_SECONDS:
            raise BadRequest(
                f"A motion of {self.seconds:g} s cannot be made: choose between {MIN_SECONDS:g} and {MAX_SECONDS:g} seconds"
                " (longer takes are made as several shots)."
            )
        check_range("seed", self.seed, 0, MAX_SEED)
        check_range("number of steps", self.steps, 2, MAX_STEPS)
        if self.guidance is not None:
            check_range("guidance", self.guidance, 0.0, MAX_GUIDANCE)
        check_range("number of variations", self.variations, 1, MAX_VARIATIONS)
        if self.edit is not None:
            self._validate_edit(self.edit)

    def _validate_edit(self, edit: MotionEdit) -> None:
        if self.seconds is not None:
            raise BadRequest(
                f"A length of {self.seconds:g} s was asked for, but a range that is made anew keeps its own: leave the length out."
            )
        edit.validate()
        if edit.end - edit.start > MAX_SECONDS:
            raise BadRequest(f"A range of {edit.end - edit.start:g} s is too long to be made anew: choose at most {MAX_SECONDS:g} s.")

    def _validate_text(self) -> None:
        text = self.text.strip()
        if not text:
            raise BadRequest('The prompt is empty: type what the character does, such as "a person walks forward".')
        if len(text) > MAX_PROMPT_CHARACTERS:
            raise BadRequest(
                f"The prompt has {len(text):,} characters and at most {MAX_PROMPT_CHARACTERS:,} are read:"
                " shorten it, or split it into several takes."
            )


@dataclass(frozen=True)
class ImportRequest:
    """Officially released weights, as they were downloaded, become a model in the user's folder. Answered by an ImportReply.

    paths: full paths of files, zips and folders, all of one model. name: of the new model, "" for that of its data set.
    replaces: a model of the same name makes room.
    """

    id: int
    paths: tuple[str, ...]
    name: str = ""
    replaces: bool = False

    def validate(self) -> None:
        """Raises BadRequest where there is nothing to import."""
        if not self.paths:
            raise BadRequest("Nothing was chosen: choose the downloaded files, zips or folders of one model.")


@dataclass(frozen=True)
class RemoveRequest:
    """Takes a model or text encoder of this name out of the user's folder. Answered by a RemoveReply."""

    id: int
    name: str


@dataclass(frozen=True)
class Cancel:
    """Ends the job with this id; its Failure says Cancelled."""

    id: int


@dataclass(frozen=True)
class Unload:
    """Gives the memory of all loaded models back. Answered by Progress(id, "unloaded", 1, 1)."""

    id: int


@dataclass(frozen=True)
class BodyReply:
    """One motion per variation, with their seeds in their recipes. notices: sentences on what went otherwise than it was asked for."""

    id: int
    motions: tuple[BodyMotion, ...]
    times: tuple[StageTime, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportReply:
    """names: of the models, and perhaps the text encoder, that are there now.

    used: places of the files that they were made of; left_out: of others that were found.
    """

    id: int
    names: tuple[str, ...]
    used: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemoveReply:
    """What is gone, and how many bytes of weights its folder had."""

    id: int
    name: str
    bytes: int


@dataclass(frozen=True)
class Failure:
    """Why job `id` has no result: the name of an error class and its sentence. id 0: no job."""

    id: int
    error: str
    text: str

    def raised(self) -> UnderstudyError:
        return UnderstudyError.by_name(self.error, self.text)


Job = BodyRequest | FaceRequest | RecordRequest | MicrophonesRequest | ImportRequest | RemoveRequest | Unload | WarmUp
Reply = BodyReply | FaceReply | RecordReply | MicrophonesReply | ImportReply | RemoveReply
Message = Hello | Job | Cancel | StopRecording | Progress | Level | CardMemory | Reply | Failure
