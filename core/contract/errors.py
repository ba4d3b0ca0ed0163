"""The exception tree. Every message is a sentence for an animator: what happened, with the numbers, and what to do next."""

from __future__ import annotations


class UnderstudyError(Exception):
    """Root of all errors that are shown to the user as they are."""

    @classmethod
    def by_name(cls, name: str, text: str) -> UnderstudyError:
        """The error that crossed the pipe as its class name and its sentence; an unknown name becomes the root class."""
        known = {kind.__name__: kind for kind in _descendants(cls)}
        return known.get(name, UnderstudyError)(text)


class BadRequest(UnderstudyError):
    """Something in the request is empty, too long or out of range."""


class WeightsError(UnderstudyError):
    """Weights are missing, truncated, changed or of the wrong shape."""


class OutOfMemory(UnderstudyError):
    """The motion did not fit into the memory of the device."""


class Cancelled(UnderstudyError):
    """The animator cancelled the job; nothing was changed."""


class ContractError(UnderstudyError):
    """Bytes on the pipe that are not a frame of this contract."""


class VersionMismatch(UnderstudyError):
    """Add-on and engine speak different versions of the contract."""


class WorkerDied(UnderstudyError):
    """The engine process ended while it had work."""


class WorkerHung(UnderstudyError):
    """The engine process gave no sign of life for too long."""


def _descendants(kind: type[UnderstudyError]) -> list[type[UnderstudyError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in _descendants(child))]
