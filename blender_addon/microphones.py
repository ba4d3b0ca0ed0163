"""The microphones that the engine found when it last looked; kept here, because a scene that is saved goes to other machines."""

from __future__ import annotations

from ..core.contract import MicrophonesReply

_found: list[MicrophonesReply] = []


def keep(reply: MicrophonesReply) -> str:
    """Gives the sentence for the panel."""
    _found[:] = [reply]
    own = f"; the system's own is {reply.usual}" if reply.usual else ""
    return f"{len(reply.names)} microphone{'s' * (len(reply.names) != 1)}: {', '.join(reply.names)}{own}."


def names() -> tuple[str, ...]:
    """None before the engine looked."""
    return _found[0].names if _found else ()


def shown(chosen: str) -> str:
    """What the panel calls the choice: "" is the system's own."""
    return chosen.strip() or "System's Microphone"
