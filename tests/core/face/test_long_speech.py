"""Do windows cover a clip of any length with weights that sum to one, and is a face made of them what the single windows make?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.contract import BadRequest, Cancelled
from understudy.core.face.long_speech import DEFAULT_WINDOWS, WindowSettings, face_of_long_speech, windows
from understudy.core.face.speech_to_face import Delivery, FaceNetworks, emotion_of_sound, face_of_speech

Sound = Callable[..., np.ndarray]
SHORT = WindowSettings(longest=28, overlap=4)
WARM = Delivery(variance_scale=1.0, top_temperature=1.0, bottom_temperature=1.0, seed=3)


def silent(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


@given(st.integers(1, 30_000), st.sampled_from([DEFAULT_WINDOWS, SHORT, WindowSettings(16, 0), WindowSettings(112, 32)]))
def test_windows_cover_every_frame_with_weights_that_sum_to_one(n_frames: int, settings: WindowSettings) -> None:
    total = np.zeros(n_frames)
    planned = windows(n_frames, settings)
    for window in planned:
        assert window.start % 4 == 0 and 0 < window.stop - window.start <= settings.longest
        total[window.start : window.stop] += window.weights()
        assert (window.weights() > 0).all()
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert all((window.stop - window.start) % 4 == 0 for window in planned[:-1])


@given(st.integers(241, 30_000))
def test_no_window_is_short(n_frames: int) -> None:
    lengths = [window.stop - window.start for window in windows(n_frames, DEFAULT_WINDOWS)]
    assert min(lengths) >= 0.5 * DEFAULT_WINDOWS.longest


@pytest.mark.parametrize(("longest", "overlap"), [(240, 30), (241, 32), (108, 32), (12, 0), (240, -4)])
def test_windows_that_cannot_be(longest: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="at most a third"):
        WindowSettings(longest, overlap)


def test_a_short_clip_is_one_window(tiny_face: FaceNetworks, sound: Sound) -> None:
    clip = sound(640 * 20 + 5)
    expected = face_of_speech(tiny_face, clip, emotion_of_sound(tiny_face, clip), WARM)
    found = face_of_long_speech(tiny_face, clip, WARM, silent)
    np.testing.assert_array_equal(found.expression, expected.expression)
    np.testing.assert_array_equal(found.jaw, expected.jaw)


@pytest.mark.parametrize("as_it_sounds", [True, False])
def test_a_long_clip_is_its_windows_faded_into_each_other(as_it_sounds: bool, tiny_face: FaceNetworks, sound: Sound) -> None:
    clip = sound(640 * 61 + 5)
    emotion = None if as_it_sounds else emotion_of_sound(tiny_face, sound(5000, seed=2))
    found = face_of_long_speech(tiny_face, clip, WARM, silent, emotion, SHORT)
    planned = windows(62, SHORT)
    assert found.expression.shape == (62, 50) and found.jaw.shape == (62, 3) and len(planned) == 3
    pieces = []
    for number, window in enumerate(planned):
        heard = clip[640 * window.start : 640 * window.stop]
        pieces.append(face_of_speech(tiny_face, heard, emotion or emotion_of_sound(tiny_face, heard), WARM, number))
    first, second = planned[:2]
    # Four frames are shared: the second's share of them grows by a fifth each
    for k, frame in enumerate(range(second.start, first.stop)):
        share = (k + 1) / 5
        expected = (1 - share) * pieces[0].jaw[frame] + share * pieces[1].jaw[frame - second.start]
        np.testing.assert_allclose(found.jaw[frame], expected, atol=1e-6)
    np.testing.assert_array_equal(found.expression[: second.start], pieces[0].expression[: second.start])
    last = planned[2]
    np.testing.assert_array_equal(found.expression[last.start + 4 :], pieces[2].expression[4:])


def test_windows_of_one_sound_draw_different_codes_of_one_emotion(tiny_face: FaceNetworks, sound: Sound) -> None:
    clip = sound(640 * 20)
    emotion = emotion_of_sound(tiny_face, clip)
    faces = [face_of_speech(tiny_face, clip, emotion, WARM, window) for window in (0, 1)]
    assert not np.array_equal(faces[0].jaw, faces[1].jaw)
    drawn_emotion = Delivery(variance_scale=1.0, seed=3)
    alike = [face_of_speech(tiny_face, clip, emotion, drawn_emotion, window) for window in (0, 1)]
    np.testing.assert_array_equal(alike[0].jaw, alike[1].jaw)


def test_progress_and_cancelling(tiny_face: FaceNetworks, sound: Sound) -> None:
    clip, seen = sound(640 * 62), []
    face_of_long_speech(tiny_face, clip, Delivery(), lambda done, total: seen.append((done, total)), None, SHORT)
    [total] = {total for _, total in seen}
    assert seen == sorted(seen) and list(dict.fromkeys(3 * done // total for done, _ in seen)) == [0, 1, 2]

    def cancel(done: int, total: int) -> None:
        if 3 * done >= total:
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        face_of_long_speech(tiny_face, clip, Delivery(), cancel, None, SHORT)


def test_a_pass_shows_its_layers_and_can_be_cancelled_in_the_middle(tiny_face: FaceNetworks, sound: Sound) -> None:
    clip, shares = sound(640 * 62), []
    whole = WindowSettings(one_pass=80)
    face_of_long_speech(tiny_face, clip, Delivery(), lambda done, total: shares.append(done / total), None, whole)
    assert len(set(shares)) >= 8 and shares == sorted(shares) and shares[0] == 0 and 0.85 < shares[-1] < 1

    def cancel(done: int, total: int) -> None:
        if 2 * done >= total:
            raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        face_of_long_speech(tiny_face, clip, Delivery(), cancel, None, whole)
    assert not [module for module in tiny_face.speech.modules() if module._forward_pre_hooks]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("n_frames", "n_windows"), [(1, 1), (240, 1), (241, 1), (1200, 1), (1201, 6)])
def test_a_model_of_one_pass_has_windows_only_beyond_it(n_frames: int, n_windows: int) -> None:
    assert len(windows(n_frames, WindowSettings(one_pass=1200))) == n_windows


def test_no_sound(tiny_face: FaceNetworks) -> None:
    with pytest.raises(BadRequest, match="one channel with samples"):
        face_of_long_speech(tiny_face, np.zeros(0, np.float32), Delivery(), silent)
