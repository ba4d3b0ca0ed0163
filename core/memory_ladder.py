"""Work that finds no memory is tried again in ways that need less of it, down to the processor instead of the graphics card."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

import torch

from .contract import BodyReply, FaceReply, OutOfMemory
from .out_of_memory import is_fault_of_the_card, is_out_of_memory

_CPU = torch.device("cpu")
_SHORT = "The graphics card had too little memory for this"
_ONE_BY_ONE = f"{_SHORT} at once, so the motions were made one by one."
_ON_CPU = f"{_SHORT}, so the processor made it: close other programs that use the card, or make fewer variations or a shorter motion."
Reply = TypeVar("Reply", BodyReply, FaceReply)


@dataclass(frozen=True)
class Way(Generic[Reply]):
    """make: the whole work, or it raises. notice: what the animator is told where it took this way.

    only_with_more_room: not worth a try unless something else could be dropped.
    """

    make: Callable[[], Reply]
    device: torch.device
    notice: str = ""
    only_with_more_room: bool = False


def ways_with_less(make: Callable[[torch.device, bool], Reply], device: torch.device, is_many: bool) -> list[Way[Reply]]:
    """make(device, one_by_one); is_many: one by one needs less memory."""
    ways: list[Way[Reply]] = []
    for where in dict.fromkeys((device, _CPU)):
        is_last_resort = where != device
        one_by_one = _ONE_BY_ONE if is_many and where != _CPU else ""
        # On the card once more in any case, because its memory may have been in pieces
        only_with_more_room = where == _CPU and not is_many
        ways.append(Way(partial(make, where, False), where, _ON_CPU if is_last_resort else ""))
        ways.append(Way(partial(make, where, is_many), where, _ON_CPU if is_last_resort else one_by_one, only_with_more_room))
    return ways


def first_with_room(ways: Sequence[Way[Reply]], make_room: Callable[[], bool], advice: str) -> Reply:
    """What the first way gives that finds memory, with its notice; a card that fails is left alone at once.

    make_room: drops what can be dropped, after each failure, and says whether that was more than the failing work itself.
    Raises OutOfMemory with the advice.
    """
    has_more_room, card_fault = True, ""
    for way in ways:
        if (way.only_with_more_room and not has_more_room) or (way.device != _CPU and card_fault):
            continue
        try:
            reply: Reply = way.make()
        except (MemoryError, RuntimeError, OSError) as error:
            if not is_out_of_memory(error):
                if way.device == _CPU or not is_fault_of_the_card(error):
                    raise
                card_fault = f"The graphics card failed ({_first_line(error)}), so the processor made this. Copy Report tells more."
            print(f"understudy: {way.device.type}: {_first_line(error)}", file=sys.stderr, flush=True)
        else:
            notice = way.notice and (card_fault or way.notice)
            return replace(reply, notices=(*reply.notices, notice)) if notice else reply
        has_more_room = make_room()  # only here, where the error is gone, which held what it happened to
    raise OutOfMemory(f"There was not enough memory on this machine for {advice}, or close other programs.")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
