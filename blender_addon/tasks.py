"""What is generated and where its keys go.

The steps of a task give a request where the engine has to work and are sent its reply; they give None after every slice of keying, and
Progress after one of other work.
Objects go by their names, because references do not outlive an undo. Whenever steps raise or are closed, the scene is as before.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ..core.contract import (
    MAX_SECONDS,
    MIN_SECONDS,
    BadRequest,
    BodyMotion,
    BodyReply,
    BodyRequest,
    FaceAmounts,
    FaceMotion,
    FaceReply,
    FaceRequest,
    Progress,
    Reply,
    StageTime,
)
from . import sequencer, sound_files
from .animation.body import BodyDraft, draft_motion, key_motion
from .animation.body_range import KeyRange, read_keys, write_keys
from .animation.face import KeyedFace, LineEdited, draft_face, is_worn_by, key_face, was_edited
from .animation.face_lines import FaceLine, KeptLine
from .animation.take_head import with_head_turns
from .engine.client import Engine

Request = BodyRequest | FaceRequest


@dataclass(frozen=True)
class Keyed:
    """actions: names of what was made, what plays first. notices: sentences on what could not be done in full.

    frames: the first and the last that were keyed. body, faces: what the engine made and is played; times: what that took.
    """

    actions: tuple[str, ...]
    notices: tuple[str, ...] = ()
    frames: tuple[float, float] | None = None
    body: BodyMotion | None = None
    faces: tuple[FaceMotion, ...] = ()
    times: tuple[StageTime, ...] = ()

    @property
    def sentence(self) -> str:
        """What was made, for the panel."""
        others = f" and {len(self.actions) - 1} more Actions" if len(self.actions) > 1 else ""
        where = f" on frames {self.frames[0]:.0f} to {self.frames[1]:.0f}" if self.frames else ""
        return f"Keyed “{self.actions[0]}”{others}{where}."


Step = Request | Progress | None
Steps = Generator[Step, Reply | None, Keyed]


class Task(Protocol):
    """Something to generate or to key. n_requests: how often the engine has to work."""

    @property
    def n_requests(self) -> int: ...

    def steps(self) -> Steps: ...


@dataclass(frozen=True)
class BodyTask:
    """A prompt for an armature; fps is the scene's rate."""

    request: BodyRequest
    armature: str
    start_frame: float
    fps: float

    @property
    def n_requests(self) -> int:
        return 1

    def steps(self) -> Steps:
        reply = yield self.request
        assert isinstance(reply, BodyReply)
        yield None
        first, *others = reply.motions
        actions = yield from key_motion(self.armature, first, self.start_frame, self.fps, variations=others)
        return Keyed(actions, reply.notices, self.frames(first), body=first, times=reply.times)

    def frames(self, motion: BodyMotion) -> tuple[float, float]:
        """The first and the last that it is keyed on."""
        return self.start_frame, self.start_frame + motion.seconds * self.fps


@dataclass(frozen=True)
class RedoTask:
    """A prompt for a range of an armature's keys. request: without an edit, which the keys become. The others are those of MotionEdit."""

    request: BodyRequest
    range: KeyRange
    upper_body: bool = False
    carries_rest: bool = False

    @property
    def n_requests(self) -> int:
        return 1

    def steps(self) -> Steps:
        read = yield from read_keys(self.range)
        edit = read.edit(self.upper_body, self.carries_rest)
        request = replace(self.request, edit=edit)
        request.validate()
        reply = yield request
        assert isinstance(reply, BodyReply)
        yield None
        actions = yield from write_keys(read, edit, reply.motions)
        return Keyed(actions, reply.notices, (read.first, read.last), reply.motions[0], times=reply.times)


@dataclass(frozen=True)
class Spoken:
    """A clip, and the frame at which it is heard. seconds: how long it is, where that is known before it is read."""

    request: FaceRequest
    start_frame: float
    seconds: float | None = None


@dataclass(frozen=True)
class FaceTask:
    """Clips for a face, in the order of their frames.

    keys: as the animator's map has them. heard_in: name of the scene whose sequencer shall play the clips' files; empty: none.
    """

    spoken: tuple[Spoken, ...]
    face: str
    fps: float
    amounts: FaceAmounts = field(default_factory=FaceAmounts)
    keys: Mapping[str, str] = field(default_factory=dict)
    heard_in: str = ""

    @property
    def n_requests(self) -> int:
        return len(self.spoken)

    def steps(self) -> Steps:
        replies = yield from self.replies()
        yield None
        keyed = yield from key_face(self.face, self.lines(replies), self.keys)
        return self.done(keyed, replies)

    def done(self, keyed: KeyedFace, replies: Sequence[FaceReply]) -> Keyed:
        """What is left to do once the keys play."""
        times = tuple(time for reply in replies for time in reply.times)
        notices = [sequencer.add_sound(self.heard_in, Path(each.request.audio), each.start_frame) for each in self.spoken if self.heard_in]
        faces = tuple(reply.motions[0] for reply in replies)
        told = dict.fromkeys(notice for reply in replies for notice in reply.notices)
        frames = _frames(self.lines(replies))
        return Keyed(keyed.actions, (*told, *keyed.notices, *filter(None, notices)), frames, faces=faces, times=times)

    def replies(self) -> Generator[Step, Reply | None, tuple[FaceReply, ...]]:
        """One for each clip."""
        replies = []
        for each in self.spoken:
            reply = yield (yield from _readable(each.request))
            assert isinstance(reply, FaceReply)
            replies.append(reply)
        return tuple(replies)

    def lines(self, replies: Sequence[FaceReply]) -> list[FaceLine]:
        """What was made of the clips, where it is keyed."""
        return [
            FaceLine(reply.motions, each.start_frame, self.fps, self.amounts) for reply, each in zip(replies, self.spoken, strict=True)
        ]


@dataclass(frozen=True)
class TakeTask:
    """Body and face together. A body whose request has no length moves as long as the sound lasts; all plays, or nothing does."""

    body: BodyTask
    face: FaceTask

    @property
    def n_requests(self) -> int:
        return self.face.n_requests + 1

    def steps(self) -> Steps:
        spoken = tuple(map(self._within_reach, self.face.spoken))
        replies = yield from replace(self.face, spoken=spoken).replies()
        lines = self.face.lines(replies)
        reply = yield self._body_request(max(line.last_frame for line in lines))
        assert isinstance(reply, BodyReply)
        yield None
        keyed, actions = yield from self._key(lines, reply)
        done = self.face.done(keyed, replies)
        first, last = self.body.frames(reply.motions[0])
        frames = min(first, _frames(lines)[0]), max(last, _frames(lines)[1])
        notices, times = tuple(dict.fromkeys((*reply.notices, *done.notices))), (*done.times, *reply.times)
        return replace(done, actions=(*actions, *done.actions), notices=notices, frames=frames, body=reply.motions[0], times=times)

    def _body_request(self, last_frame: float) -> BodyRequest:
        if self.body.request.seconds is not None:
            return self.body.request
        seconds = round((last_frame - self.body.start_frame) / self.body.fps, 3)
        return replace(self.body.request, seconds=min(max(seconds, MIN_SECONDS), MAX_SECONDS))

    def _within_reach(self, spoken: Spoken) -> Spoken:
        """Raises BadRequest for a sound that ends when the body can be moved no more, or lets the engine look where that is not known."""
        if self.body.request.seconds is not None:
            return spoken
        before = (spoken.start_frame - self.body.start_frame) / self.body.fps
        known = spoken.request.seconds if spoken.seconds is None else spoken.seconds
        if before + (known or 0.0) > MAX_SECONDS:
            raise BadRequest(
                f"The sound lasts {before + (known or 0.0):.1f} s, and a body can be moved for {MAX_SECONDS:g} s at once: set a length for"
                " the body, or choose a shorter sound."
            )
        return replace(spoken, request=replace(spoken.request, longest_s=round(MAX_SECONDS - before, 3)))

    def _key(self, lines: Sequence[FaceLine], reply: BodyReply) -> Generator[None, None, tuple[KeyedFace, tuple[str, ...]]]:
        motions = reply.motions
        if is_worn_by(self.face.face, self.body.armature, self.face.keys):
            motions = tuple(with_head_turns(each, lines, self.body.start_frame) for each in motions)
        first, *others = motions
        body: BodyDraft = yield from draft_motion(self.body.armature, first, self.body.start_frame, self.body.fps, variations=others)
        try:
            face = yield from draft_face(self.face.face, lines, self.face.keys, body)
        except BaseException:
            body.discard()
            raise
        try:
            actions = body.play()
        except BaseException:
            face.discard()
            raise
        return face.play(), actions


@dataclass(frozen=True)
class LinesTask:
    """Lines that a face has spoken are keyed once more, with other amounts or in another variation; no model is asked.

    unless_edited: a line whose keys must be as they were written; else the steps raise LineEdited.
    """

    lines: tuple[FaceLine, ...]
    face: str
    keys: Mapping[str, str] = field(default_factory=dict)
    unless_edited: KeptLine | None = None

    @property
    def n_requests(self) -> int:
        return 0

    def steps(self) -> Steps:
        if self.unless_edited is not None and (yield from was_edited(self.face, self.unless_edited)):
            raise LineEdited(f"The keys of “{self.unless_edited.name}” were changed since they were made.")
        keyed = yield from key_face(self.face, self.lines, self.keys)
        return Keyed(keyed.actions, keyed.notices, _frames(self.lines))


def _frames(lines: Sequence[FaceLine]) -> tuple[float, float]:
    return min(line.start_frame for line in lines), max(line.last_frame for line in lines)


def done(task: Task, engine: Engine, on_progress: Callable[[Progress], None] | None = None) -> Keyed:
    """Waits for the whole task. Raises its UnderstudyError; Ctrl+C cancels it."""
    steps, reply = task.steps(), None
    while True:
        try:
            request = steps.send(reply)
        except StopIteration as finished:
            return finished.value
        reply = None
        if isinstance(request, Progress):
            if on_progress:
                on_progress(request)
        elif request is not None:
            reply = engine.request(request, on_progress)


def _readable(request: FaceRequest) -> Generator[Progress, None, FaceRequest]:
    """With the sounds of videos written out. Raises BadRequest for one that has none."""
    audio = yield from sound_files.readable(Path(request.audio))
    emotion = (yield from sound_files.readable(Path(request.emotion_audio))) if request.emotion_audio else ""
    return replace(request, audio=str(audio), emotion_audio=str(emotion))
