"""What the teacher says a face should do: lips as far apart as wanted, closed where they must be, emotions that yield to speech."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.contract import EMOTIONS
from understudy.core.contract.head import DEFAULT_HEAD, FLAME_JOINTS, posed, read_head
from understudy.core.training.face.coarticulation import viseme_curves
from understudy.core.training.face.emotional_face import LOWER, NAMES, UPPER, SpokenFrames, emotional_face
from understudy.core.training.face.lip_line import LOWER as LOWER_LIP
from understudy.core.training.face.lip_line import UPPER as UPPER_LIP
from understudy.core.training.face.lip_line import LipLine, lip_line
from understudy.core.training.face.lip_opening import PP, Heard, breathing, fitted, principal_directions
from understudy.core.training.face.speaking_face import LIPS, closure, speaking_face
from understudy.core.training.face.teacher import emphasis, frame_times, loudness
from understudy.core.training.face.visemes import ARPABET, SAMPA, VISEMES, Segment, segments

BOB = [("SIL", 0.0, 0.4), ("B", 0.4, 0.5), ("AA", 0.5, 0.75), ("B", 0.75, 0.82), ("SIL", 0.82, 1.4)]


@pytest.fixture(scope="module")
def line() -> LipLine:
    return lip_line(read_head(DEFAULT_HEAD))


def curves_of(phones: list[tuple[str, float, float]], frames: int = 35) -> np.ndarray:
    return viseme_curves(segments(phones, ARPABET), frame_times(frames))


def test_every_viseme_has_lips_and_every_phone_a_viseme() -> None:
    assert set(LIPS) == set(VISEMES)
    assert set(ARPABET.values()) == set(VISEMES)
    assert set(SAMPA.values()) <= set(VISEMES)


def test_a_diphthong_ends_in_its_glide_and_a_glottal_stop_has_no_shape() -> None:
    found = segments([("AY", 0.0, 0.2), ("?", 0.2, 0.25), ("AW", 0.3, 0.5)], ARPABET)
    assert [each.viseme for each in found] == ["aa", "I", "aa", "U"]
    assert found[0].end == found[1].start == pytest.approx(0.12)
    assert found[1].end == 0.2


@given(st.lists(st.tuples(st.sampled_from(sorted(ARPABET)), st.floats(0.02, 0.4)), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_shares_of_mouth_shapes_sum_to_one_and_a_closure_is_reached(spoken: list[tuple[str, float]]) -> None:
    ends = np.cumsum([seconds for _, seconds in spoken])
    phones = [(phone, end - seconds, end) for (phone, seconds), end in zip(spoken, ends, strict=True)]
    found = segments(phones, ARPABET)
    curves = viseme_curves(found, frame_times(int(ends[-1] * 25) + 1))
    assert np.allclose(curves.sum(axis=1), 1, atol=1e-5)
    assert curves.min() >= 0
    for each in (each for each in found if each.viseme == "PP"):
        at_apex = viseme_curves(found, np.array([(each.start + each.end) / 2]))[0, PP]
        assert at_apex > 0.5


@given(st.lists(st.floats(0.0, 0.2), min_size=35, max_size=35))
@settings(max_examples=30, deadline=None)
def test_the_lips_part_by_what_is_wanted(gaps: list[float]) -> None:
    """Of any opening whatever, measured on the posed mesh."""
    head = read_head(DEFAULT_HEAD)
    curves = curves_of(BOB)
    gap = np.array(gaps, np.float32) * (1 - closure(curves))
    face = speaking_face(lip_line(head), curves, gap)
    vertices = posed(head, face, np.zeros((len(face), len(FLAME_JOINTS), 3)))
    rest = head.template[UPPER_LIP, 1] - head.template[LOWER_LIP, 1]
    apart = np.maximum(vertices[:, UPPER_LIP, 1] - vertices[:, LOWER_LIP, 1] - rest, 0)
    assert np.allclose(apart, gap * 0.09, atol=1e-4)
    assert face.min() >= 0 and face.max() <= 1


def test_the_jaw_stays_half_open_behind_closed_lips(line: LipLine) -> None:
    curves = curves_of(BOB)
    gap = np.full(35, 0.12, np.float32) * (1 - closure(curves))
    face = speaking_face(line, curves, gap)
    frame = int(closure(curves).argmax())
    assert line.aperture(face)[frame] < 1e-4
    assert face[frame, line.names.index("jawOpen")] > 0.05
    assert face[frame, line.names.index("mouthClose")] > 0.05


def spoken(line: LipLine) -> SpokenFrames:
    curves = curves_of(BOB)
    gap = np.full(35, 0.1, np.float32) * (1 - closure(curves))
    lips = np.zeros((35, len(line.names)), np.float32)
    return SpokenFrames(lips, gap * 0.09, closure(curves), np.clip((1 - curves[:, 0]) / 0.4, 0, 1), np.full(35, 0.5))


@pytest.mark.parametrize("emotion", NAMES)
def test_no_emotion_keeps_lips_from_closing(line: LipLine, emotion: str) -> None:
    said = spoken(line)
    for intensity in (0.5, 1.0, 2.0):
        face = emotional_face(line, said, emotion, intensity)
        assert face.min() >= 0 and face.max() <= 1
        assert line.aperture(face)[said.shut > 0.99].max(initial=0.0) < 1e-3


@pytest.mark.parametrize("emotion", [name for name in EMOTIONS if name != "neutral"])
def test_an_emotion_grows_with_its_intensity_and_is_gone_without(line: LipLine, emotion: str) -> None:
    said = spoken(line)
    none, half, whole = (emotional_face(line, said, emotion, intensity) for intensity in (0.0, 0.5, 1.0))
    assert np.allclose(none, emotional_face(line, said, "neutral", 1.0), atol=1e-6)
    apart = [float(np.abs(face - none).sum()) for face in (half, whole)]
    assert 0 < apart[0] < apart[1]


def test_the_tables_name_shapes_of_arkit_and_no_two_emotions_look_alike(line: LipLine) -> None:
    assert set(EMOTIONS) < set(NAMES) and set(UPPER) == set(LOWER) == set(NAMES)
    said = spoken(line)
    faces = {name: emotional_face(line, said, name, 1.0).mean(axis=0) for name in NAMES}
    for first in NAMES:
        for second in NAMES[: NAMES.index(first)]:
            assert np.linalg.norm(faces[first] - faces[second]) > 0.3, (first, second)


def test_lips_part_before_speech_and_rest_long_after() -> None:
    found = segments(BOB, ARPABET)
    opening = breathing(found, np.array([-3.0, 0.3, 0.39, 0.9, 4.0]))
    assert opening[0] < 0.001 and opening[4] < 0.001
    assert opening[0] < opening[1] < opening[2]
    assert opening[3] > opening[4]


def test_the_opening_is_found_again_from_what_is_heard() -> None:
    """Features that carry the opening of another speaker give it, whatever voice they are offset by."""
    generator = np.random.default_rng(2)
    direction = generator.standard_normal((1, 60))
    phones = [("SIL", 0.0, 0.2), *((phone, 0.2 + 0.1 * i, 0.3 + 0.1 * i) for i, phone in enumerate(["AA", "S", "IY", "M"] * 8))]
    found = segments(phones, ARPABET)
    times = frame_times(85)
    curves = viseme_curves(found, times)

    def clip(seed: int) -> tuple[Heard, np.ndarray]:
        draw = np.random.default_rng(seed)
        effort = draw.uniform(0, 1, len(times))
        features = effort[:, None] * direction + draw.standard_normal(60) + 0.05 * draw.standard_normal((len(times), 60))
        return Heard(features, curves, found, times), 0.05 + 0.1 * effort

    clips = [clip(seed) for seed in range(6)]
    centred = np.concatenate([each.features - each.features.mean(axis=0) for each, _ in clips])
    opening = fitted(principal_directions(centred), [each for each, _ in clips[:5]], [gap for _, gap in clips[:5]])
    heard, gap = clips[5]
    free = (curves[:, PP] < 0.01) & (heard.speaking > 0.99)
    assert np.corrcoef(opening.gap(heard)[free], gap[free])[0, 1] > 0.95
    assert opening.gap(heard)[curves[:, PP] > 0.9].max() < 0.005


def test_brows_rise_where_it_is_louder_than_around() -> None:
    sound = np.sin(np.arange(50 * 640) * 0.3).astype(np.float32) * 0.05
    sound[20 * 640 : 24 * 640] *= 8
    loud = loudness(sound)
    raised = emphasis(loud, np.ones(50))
    assert loud.min() >= 0 and loud.max() <= 1
    assert raised[20:24].min() > raised[:14].max()
    assert emphasis(loud, np.zeros(50)).max() == 0


def test_times_are_at_the_middle_of_frames() -> None:
    assert np.allclose(frame_times(3), [0.02, 0.06, 0.1])
    assert Segment("aa", 0.1, 0.3).seconds == pytest.approx(0.2)
