"""Does every message arrive as it was sent, to the last bit?"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.core.contract import (
    BodyReply,
    ContractError,
    Message,
    decode_frame,
    encode_frame,
    read_frame,
)

Same = Callable[[object, object], bool]
relaxed = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@relaxed
@given(data=st.data())
def test_every_message_survives(data: st.DataObject, messages: st.SearchStrategy[Message], same: Same) -> None:
    message = data.draw(messages)
    assert same(decode_frame(encode_frame(message)), message)


@relaxed
@given(data=st.data())
def test_messages_follow_one_another_on_a_stream(data: st.DataObject, messages: st.SearchStrategy[Message], same: Same) -> None:
    sent = data.draw(st.lists(messages, max_size=4))
    stream = io.BytesIO(b"".join(map(encode_frame, sent)))
    assert all(same(read_frame(stream), message) for message in sent)
    assert read_frame(stream) is None


def test_a_stream_may_hand_over_one_byte_at_a_time(one_of_each: list[Message], same: Same) -> None:
    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(1 if size else 0)

    stream = Dripping(b"".join(map(encode_frame, one_of_each)))
    assert all(same(read_frame(stream), message) for message in one_of_each)
    assert read_frame(stream) is None


def test_arrays_arrive_writable_and_apart_from_the_frame(one_of_each: list[Message]) -> None:
    reply = decode_frame(encode_frame(next(m for m in one_of_each if isinstance(m, BodyReply))))
    assert isinstance(reply, BodyReply)
    reply.motions[0].translation[0, 0] = 99
    assert reply.motions[0].rotations[0, 0, 0] == 1


@pytest.mark.parametrize("layout", ["big-endian", "fortran", "strided"])
def test_arrays_of_any_memory_layout_arrive_as_they_read(layout: str, one_of_each: list[Message]) -> None:
    reply = next(m for m in one_of_each if isinstance(m, BodyReply))
    motion = reply.motions[0]
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    contacts = {"big-endian": values[:2].astype(">f4"), "fortran": np.asfortranarray(values[:2]), "strided": values[::2]}[layout]
    odd = dataclasses.replace(motion)
    object.__setattr__(odd, "contacts", contacts)
    arrived = decode_frame(encode_frame(BodyReply(1, (odd,))))
    assert isinstance(arrived, BodyReply)
    np.testing.assert_array_equal(arrived.motions[0].contacts, contacts)
    assert arrived.motions[0].contacts.dtype == np.dtype("<f4")


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.complex64, object])
def test_other_kinds_of_arrays_are_refused_before_they_are_sent(dtype: type, one_of_each: list[Message]) -> None:
    motion = dataclasses.replace(next(m for m in one_of_each if isinstance(m, BodyReply)).motions[0])
    object.__setattr__(motion, "contacts", np.zeros((2, 4), dtype))
    with pytest.raises(ContractError, match="do not cross"):
        encode_frame(BodyReply(1, (motion,)))
