"""What is generated and where its keys go.

The steps of a task give a request where the engine has to work and are sent its reply; they give None after every slice of keying.
Objects go by their names, because references do not outlive an undo. Whenever steps raise or are closed, the scene is as before.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from ..core.contract import BodyReply, BodyRequest, Progress, Reply
from .animation.body import key_motion
from .engine.client import Engine

Request = BodyRequest


@dataclass(frozen=True)
class Keyed:
    """actions: names of what was made, what plays first. notices: sentences on what could not be done in full. replies: the engine's."""

    actions: tuple[str, ...]
    notices: tuple[str, ...] = ()
    replies: tuple[Reply, ...] = ()


Steps = Generator[Request | None, Reply | None, Keyed]


class Task(Protocol):
    """Something to generate or to key."""

    def steps(self) -> Steps: ...


@dataclass(frozen=True)
class BodyTask:
    """A prompt for an armature; fps is the scene's rate."""

    request: BodyRequest
    armature: str
    start_frame: float
    fps: float

    def steps(self) -> Steps:
        reply = yield self.request
        assert isinstance(reply, BodyReply)
        yield None
        first, *others = reply.motions
        actions = yield from key_motion(self.armature, first, self.start_frame, self.fps, variations=others)
        return Keyed(actions, replies=(reply,))


def done(task: Task, engine: Engine, on_progress: Callable[[Progress], None] | None = None) -> Keyed:
    """Waits for the whole task. Raises its UnderstudyError; Ctrl+C cancels it."""
    steps, reply = task.steps(), None
    while True:
        try:
            request = steps.send(reply)
        except StopIteration as finished:
            return finished.value
        reply = engine.request(request, on_progress) if request is not None else None
