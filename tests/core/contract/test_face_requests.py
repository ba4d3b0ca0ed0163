"""Does every request for a face or a recording that cannot be used say so in one sentence, and does no other one?"""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.contract import EMOTIONS, BadRequest, EmotionChange, FaceAmounts, FaceRequest, RecordRequest

GOOD = FaceRequest(1, "/sounds/hello.wav")
RECORDING = RecordRequest(1, "/sounds/hello.wav")
Checked = FaceRequest | RecordRequest | FaceAmounts


def sentence(request: Checked) -> str:
    with pytest.raises(BadRequest) as caught:
        request.validate()
    text = str(caught.value)
    assert "\n" not in text and text.endswith(".") and text[0].isupper() and len(text) < 200
    return text


@pytest.mark.parametrize(("field", "value", "shown"), [
    ("audio", "", "No sound is chosen"), ("audio", " \t", "choose a sound file"), ("start_s", -0.1, "-0.1 s"), ("start_s", math.nan, "nan"),
    ("start_s", math.inf, "inf"), ("seconds", 0.0, "0 s"), ("seconds", -1.0, "-1 s"), ("seconds", math.nan, "nan"), ("seconds", math.inf, "inf"),
    ("emotion", "joyful", '"joyful" is not known: choose neutral, happy'), ("emotion", "Happy", "not known"),
    ("intensity", -0.1, "-0.1"), ("intensity", 2.1, "between 0 and 2"), ("intensity", math.nan, "nan"), ("diversity", -1.0, "-1"),
    ("diversity", 2.5, "2.5"), ("temperature", -0.5, "-0.5"), ("temperature", math.inf, "inf"), ("actor", -1, "-1"), ("seed", -1, "-1"),
    ("seed", 2**31, "between 0 and"), ("variations", 0, "0"), ("variations", 17, "16"),
])  # fmt: skip
def test_a_value_that_no_face_can_be_made_of(field: str, value: object, shown: str) -> None:
    assert shown in sentence(dataclasses.replace(GOOD, **{field: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize(("changes", "shown"), [
    ((EmotionChange(-1.0, "sad"),), "-1 s"), ((EmotionChange(math.nan, "sad"),), "nan"), ((EmotionChange(1.0, "glad"),), '"glad"'),
    ((EmotionChange(1.0, "sad", 3.0),), "intensity"), ((EmotionChange(2.0, "sad"), EmotionChange(1.0, "")), "order"),
    ((EmotionChange(1.0, "sad"), EmotionChange(1.0, "happy")), "each time once"), ((EmotionChange(1.0, ""),) * 1001, "1,001"),
])  # fmt: skip
def test_changes_that_cannot_be_followed(changes: tuple[EmotionChange, ...], shown: str) -> None:
    assert shown in sentence(dataclasses.replace(GOOD, changes=changes))


def test_an_emotion_by_its_name_and_by_a_clip() -> None:
    assert "choose one" in sentence(dataclasses.replace(GOOD, emotion="sad", emotion_audio="/sounds/sad.wav"))


@pytest.mark.parametrize(("field", "value"), [
    *[("emotion", emotion) for emotion in ("", *EMOTIONS)], ("emotion_audio", "/sounds/sad.wav"), ("intensity", 0.0), ("intensity", 2.0),
    ("start_s", 3599.0), ("seconds", 0.01), ("seconds", 3600.0), ("diversity", 2.0), ("temperature", 2.0), ("actor", 31), ("seed", 2**31 - 1),
    ("variations", 16), ("changes", (EmotionChange(0.0, "sad"), EmotionChange(0.5, "", 2.0))),
])  # fmt: skip
def test_values_up_to_the_limits(field: str, value: object) -> None:
    dataclasses.replace(GOOD, **{field: value}).validate()  # type: ignore[arg-type]


@given(st.floats(), st.floats())
def test_only_parts_that_lie_in_a_sound_pass(start: float, seconds: float) -> None:
    request = dataclasses.replace(GOOD, start_s=start, seconds=seconds)
    if 0 <= start < math.inf and 0 < seconds < math.inf:
        request.validate()
    else:
        sentence(request)


@pytest.mark.parametrize(("field", "value", "shown"), [
    ("path", "", ".wav"), ("path", "/sounds/hello.mp3", "hello.mp3"), ("seconds", 0.0, "0 s"), ("seconds", -1.0, "-1 s"),
    ("seconds", 3601.0, "3600"), ("seconds", math.nan, "nan"),
])  # fmt: skip
def test_a_recording_that_cannot_be_made(field: str, value: object, shown: str) -> None:
    assert shown in sentence(dataclasses.replace(RECORDING, **{field: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize(("field", "value"), [("path", "/sounds/HELLO.WAV"), ("seconds", 0.1), ("seconds", 3600.0), ("device", "Headset")])
def test_recordings_up_to_the_limits(field: str, value: object) -> None:
    dataclasses.replace(RECORDING, **{field: value}).validate()  # type: ignore[arg-type]


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(FaceAmounts)])
def test_amounts_out_of_range(field: str) -> None:
    for amount in (-0.1, 2.1, math.nan):
        assert field.replace("_", " ") in sentence(FaceAmounts(**{field: amount}))
    for amount in (0.0, 2.0):
        FaceAmounts(**{field: amount}).validate()
