"""Timeline markers that change the emotion of a voice: "angry", or "sad 0.5" with an intensity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..core.contract import EMOTIONS, EmotionChange


def changes_at(markers: Iterable[tuple[float, str]], start_frame: float, fps: float, intensity: float) -> tuple[EmotionChange, ...]:
    """Of markers (frame, name) in any order, those that name an emotion after the start; `intensity` where a marker gives none.

    Of several at one frame the last counts. One at the start or before it is not among them: see `emotion_at`.
    """
    named = _named(markers, intensity)
    later = {frame: said for frame, said in named if frame > start_frame}
    return tuple(EmotionChange((frame - start_frame) / fps, *said) for frame, said in later.items())


def emotion_at(markers: Iterable[tuple[float, str]], frame: float, intensity: float) -> tuple[str, float] | None:
    """Emotion and intensity of the last marker at or before the frame; None if none is there."""
    earlier = [said for place, said in _named(markers, intensity) if place <= frame]
    return earlier[-1] if earlier else None


def _named(markers: Iterable[tuple[float, str]], intensity: float) -> Sequence[tuple[float, tuple[str, float]]]:
    found = [(frame, _said(name, intensity)) for frame, name in sorted(markers, key=lambda marker: marker[0])]
    return [(frame, said) for frame, said in found if said is not None]


def _said(name: str, intensity: float) -> tuple[str, float] | None:
    emotion, _, strength = name.strip().lower().partition(" ")
    if emotion not in EMOTIONS:
        return None
    try:
        return emotion, float(strength) if strength else intensity
    except ValueError:
        return None
