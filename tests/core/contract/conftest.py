"""Motions and messages of every kind for property tests."""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import strategies as st

from understudy.core.contract import (
    BodyMotion,
    BodyReply,
    BodyRequest,
    Cancel,
    CardMemory,
    EmotionChange,
    FaceMotion,
    FaceRecipe,
    FaceReply,
    FaceRequest,
    Failure,
    Hello,
    ImportReply,
    ImportRequest,
    Level,
    Message,
    MicrophonesReply,
    MicrophonesRequest,
    MotionEdit,
    Progress,
    Recipe,
    RecordReply,
    RecordRequest,
    RemoveReply,
    RemoveRequest,
    StageTime,
    StopRecording,
    Unload,
    WarmUp,
)

text = st.text() | st.sampled_from(["\ud800 alone", "\0", "e\u0301 \U0001f57a \u4e2d", '"{}[],\\'])
whole = st.integers(-(2**70), 2**70)
real = st.floats()
names = st.lists(text, max_size=3).map(tuple)


@st.composite
def motions(draw: st.DrawFn) -> BodyMotion:
    frames, joints = draw(st.integers(1, 5)), draw(st.integers(0, 4))
    fps = draw(st.floats(1e-3, 1e6))

    def array(*shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        raw = draw(st.binary(min_size=4 * count, max_size=4 * count))
        return np.frombuffer(raw, "<f4").reshape(shape).copy()

    names = tuple(draw(st.lists(text, min_size=joints, max_size=joints)))
    parents = tuple(draw(st.lists(st.integers(-1, 30), min_size=joints, max_size=joints)))
    recipe = Recipe(draw(text), draw(real), draw(whole), draw(whole), draw(real), draw(whole), draw(text), draw(text), draw(text))
    return BodyMotion(array(frames, 3), array(frames, joints, 4), array(frames, 4), names, parents, array(joints, 3), fps, recipe)


stage_times = st.lists(st.builds(StageTime, text, real), max_size=3).map(tuple)
changes = st.lists(st.builds(EmotionChange, real, text, real), max_size=3).map(tuple)


@st.composite
def faces(draw: st.DrawFn) -> FaceMotion:
    frames = draw(st.integers(1, 5))
    coefficients = tuple(draw(st.lists(text, max_size=3, unique=True)))

    def array(low: float, high: float, *shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        numbers = st.floats(low, high, width=32)
        return np.array(draw(st.lists(numbers, min_size=count, max_size=count)), np.float32).reshape(shape)

    head, eyes, blinks = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    recipe = FaceRecipe(draw(text), draw(text), draw(real), draw(whole), start_s=draw(real), changes=draw(changes), actor=draw(whole))
    return FaceMotion(
        array(-10, 10, frames, len(coefficients)), array(-1, 1, frames, 3), coefficients, draw(text.filter(bool)), draw(st.floats(1e-3, 1e6)),
        array(-1, 1, frames, 3) if head else None, array(-1, 1, frames, 2, 3) if eyes else None, recipe,
        array(0, 1, frames) if blinks else None,
    )  # fmt: skip


def every_message() -> st.SearchStrategy[Message]:
    return st.one_of(
        st.builds(Hello, whole, text, text),
        st.builds(BodyRequest, whole, text, st.none() | real, whole, whole, real, whole, text, text),
        st.builds(BodyRequest, whole, text, edit=st.builds(MotionEdit, motions(), real, real, st.booleans(), st.booleans())),
        st.builds(FaceRequest, whole, text, real, st.none() | real, text, text, real, changes, real, real, whole, whole, whole, text, text, st.none() | real),
        st.builds(RecordRequest, whole, text, text, real),
        st.builds(Cancel, whole),
        st.builds(StopRecording, whole),
        st.builds(Level, whole, real),
        st.builds(Unload, whole),
        st.builds(WarmUp, whole, text, text),
        st.builds(CardMemory, whole, real, real, real),
        st.builds(ImportRequest, whole, names, text, st.booleans()),
        st.builds(RemoveRequest, whole, text),
        st.builds(ImportReply, whole, names, names, names),
        st.builds(RemoveReply, whole, text, whole),
        st.builds(RecordReply, whole, text, real),
        st.builds(MicrophonesRequest, whole),
        st.builds(MicrophonesReply, whole, names, text),
        st.builds(Progress, whole, text, whole, whole),
        st.builds(Failure, whole, text, text),
        st.builds(
            BodyReply,
            whole,
            st.lists(motions(), max_size=3).map(tuple),
            stage_times,
            names,
        ),
        st.builds(FaceReply, whole, st.lists(faces(), max_size=3).map(tuple), stage_times, names),
    )


def identical(a: object, b: object) -> bool:
    """Equal to the last bit, NaNs included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("<d", a) == struct.pack("<d", b) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(identical, a, b))
    if dataclasses.is_dataclass(a):
        return all(identical(getattr(a, field.name), getattr(b, field.name)) for field in dataclasses.fields(a))
    return a == b


@pytest.fixture(scope="session")
def messages() -> st.SearchStrategy[Message]:
    return every_message()


@pytest.fixture(scope="session")
def same() -> Callable[[object, object], bool]:
    return identical


@pytest.fixture(scope="session")
def one_of_each() -> list[Message]:
    motion = BodyMotion(
        np.arange(6, dtype=np.float32).reshape(2, 3), np.ones((2, 1, 4), np.float32), np.zeros((2, 4), np.float32), ("pelvis",), (-1,),
        np.zeros((1, 3), np.float32), 20.0, Recipe("walks", 0.05, 3, 16, 4.0, 0, "starter", "00ff", "0.1.0"),
    )  # fmt: skip
    face = FaceMotion(
        np.ones((2, 1), np.float32), np.zeros((2, 3), np.float32), ("jawOpen",), "arkit", 25.0, np.zeros((2, 3), np.float32),
        np.zeros((2, 2, 3), np.float32), FaceRecipe("a.wav", changes=(EmotionChange(0.02, "sad"),)), np.zeros(2, np.float32),
    )  # fmt: skip
    return [
        Hello(1, "0.1.0", "cpu"), BodyRequest(1, "walks", 2.0, guidance=3.5), Cancel(1), Unload(2), Progress(1, "Reading", 0, 1),
        BodyReply(1, (motion,), (StageTime("loading", 0.25),), ("One by one.",)), Failure(1, "BadRequest", "Too long."),
        ImportRequest(3, ("/downloads/kit.zip", "/downloads/ViT-B-32.pt"), "mine", True), RemoveRequest(4, "mine"),
        ImportReply(3, ("clip-vit-b32", "mine"), ("kit.zip/a.tar",), ("b.npy",)), RemoveReply(4, "mine", 1234),
        FaceRequest(5, "/sounds/a.wav", 1.5, 2.0, "happy", changes=(EmotionChange(0.5, "sad", 0.5),), longest_s=300.0), FaceReply(5, (face,), (StageTime("loading", 0.25),)),
        RecordRequest(6, "/sounds/b.wav", "Headset"), StopRecording(6), Level(6, 0.5), RecordReply(6, "/sounds/b.wav", 2.5),
        MicrophonesRequest(7), MicrophonesReply(7, ("Headset", "Webcam"), "Webcam"),
        WarmUp(7, "starter", "cuda"), CardMemory(7, 512.5, 6000.0, 8188.0),
        BodyRequest(8, "waves", 2.0, guidance=3.5, edit=MotionEdit(motion, 0.0, 0.2)),
    ]  # fmt: skip


@pytest.fixture(scope="session")
def any_motion() -> st.SearchStrategy[BodyMotion]:
    return motions()
