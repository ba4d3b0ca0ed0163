"""Makes the corpus of faces: reads recordings, speaks sentences with flite, changes voices, and asks the teacher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from ...contract.head import DEFAULT_HEAD, read_head
from ...face.sound_frames import FPS, SAMPLES_PER_FRAME
from ...face.whisper_encoder import WIDTH, WhisperEncoder
from .coarticulation import viseme_curves
from .face_corpus import FaceClip, save
from .flite_voices import VOICES, speak
from .lip_line import lip_line
from .lip_opening import Heard, LipOpening, centred, fitted, principal_directions
from .sound_changes import changed, drawn_change
from .speech_pack import SpokenClip, read_pack, read_tracked_lips
from .teacher import frame_times, spoken_frames
from .visemes import ARPABET, Segment, segments

Report = Callable[[str, int, int], None]
TRAINED_PACKS = ("kathleen", "emodb", "fixtures")  # GRID is only measured on, but for the lips of two speakers
CALIBRATED_ON = ("grid/A", "grid/C")
HELD_OUT = ("emodb/12", "emodb/16")  # a man and a woman whose emotions are not learned
VALIDATION_FOLDERS = ("a05", "b05")  # of kathleen
SILENCE = 6  # frames before and behind each clip
_MIDDLE = slice(WIDTH, 4 * WIDTH)  # layers that hear both voice and words
_EVERY = 20  # clips that the directions are found on
SEED = 7


@dataclass(frozen=True)
class Wanted:
    """speech: folder of the data pack. spoken: sentences in each of flite's voices; copies: changed ones of each recording."""

    speech: Path
    out: Path
    spoken: int = 250
    copies: int = 1
    calibrated_on: tuple[str, ...] = CALIBRATED_ON


def prepare(wanted: Wanted, encoder: WhisperEncoder, report: Report) -> None:
    """Raises BadRequest where the pack or flite is missing."""
    clips = [clip for pack in TRAINED_PACKS for clip in read_pack(wanted.speech, pack)]
    line = lip_line(read_head(DEFAULT_HEAD))
    opening = lip_opening(wanted, clips, encoder)
    heard, spoken, rows, at = [], [], [], 0
    total = len(clips) * (1 + wanted.copies) + wanted.spoken * len(VOICES)
    with TemporaryDirectory() as folder:
        for number, (clip, sound, marks, features) in enumerate(_takes(wanted, clips, encoder, Path(folder))):
            report("Reading speech", number, total)
            teacher_hears = features[:, _MIDDLE].astype(np.float32)
            spoken.append(spoken_frames(line, opening, teacher_hears, marks, sound))
            heard.append(features)
            known = bool(clip.segments)
            rows.append(FaceClip(clip.name, clip.pack, clip.speaker, _split(clip), clip.emotion, known, at, at + len(features)))
            at += len(features)
    save(wanted.out, heard, spoken, rows)


def lip_opening(wanted: Wanted, clips: list[SpokenClip], encoder: WhisperEncoder) -> LipOpening:
    """Fitted to the tracked lips of the speakers that are not measured on."""
    sample = [_heard(clip, encoder) for clip in clips[::_EVERY] if clip.segments]
    basis = principal_directions(np.concatenate([centred(each.features, each.speaking) for each in sample]))
    tracked = [each for each in read_tracked_lips(wanted.speech) if each.clip.speaker in wanted.calibrated_on]
    return fitted(basis, [_heard(each.clip, encoder) for each in tracked], [each.gap for each in tracked])


def listen(sound: np.ndarray, encoder: WhisperEncoder) -> np.ndarray:
    """sound (640 T,) to the encoder's features (T, 1920), float16."""
    with torch.inference_mode():
        return encoder(torch.from_numpy(sound)[None])[0].half().numpy()


def _takes(
    wanted: Wanted, clips: list[SpokenClip], encoder: WhisperEncoder, folder: Path
) -> Iterator[tuple[SpokenClip, np.ndarray, tuple[Segment, ...], np.ndarray]]:
    """Clips with sound (640 T,), segments and features (T, 1920): as recorded, changed, and synthetic."""
    generator = np.random.default_rng(SEED)
    for clip in clips:
        for copy in range(1 + wanted.copies):
            yield _take(clip, encoder, generator, copy > 0)
    texts = [clip.text for clip in clips if clip.pack == "kathleen" and _split(clip) == "train"]
    for number in range(wanted.spoken):
        for voice in VOICES:
            text = texts[int(generator.integers(len(texts)))]
            path = folder / "spoken.wav"
            stretch, pitch = generator.uniform(0.8, 1.3), generator.uniform(90, 230)
            phones = [phone for phone in speak(text, voice, path, stretch, pitch) if phone[2] > phone[1]]
            clip = SpokenClip(f"flite/{voice}/{number}", "flite", path, f"flite/{voice}", tuple(segments(phones, ARPABET)), "", text)
            yield _take(clip, encoder, generator, number % 2 > 0)


def _take(
    clip: SpokenClip, encoder: WhisperEncoder, generator: np.random.Generator, change: bool
) -> tuple[SpokenClip, np.ndarray, tuple[Segment, ...], np.ndarray]:
    sound, rate = clip.sound(), 1.0
    if change:
        drawn = drawn_change(generator)
        sound, rate = changed(sound, drawn), drawn.rate
    sound = sound * generator.uniform(0.3, 1.0) / max(float(np.abs(sound).max()), 1e-4)
    n_frames = -(-len(sound) // SAMPLES_PER_FRAME)
    sound = np.pad(sound, (SILENCE * SAMPLES_PER_FRAME, (n_frames + SILENCE) * SAMPLES_PER_FRAME - len(sound))).astype(np.float32)
    begins = SILENCE / FPS
    marks = tuple(replace(each, start=each.start / rate + begins, end=each.end / rate + begins) for each in clip.segments)
    marks = (Segment("sil", 0.0, begins), *marks, Segment("sil", n_frames / FPS + begins, n_frames / FPS + 2 * begins))
    return clip, sound, marks, listen(sound, encoder)


def _heard(clip: SpokenClip, encoder: WhisperEncoder) -> Heard:
    features = listen(clip.sound(), encoder)[:, _MIDDLE].astype(np.float32)
    times = frame_times(len(features))
    return Heard(features, viseme_curves(clip.segments, times), clip.segments, times)


def _split(clip: SpokenClip) -> str:
    if clip.speaker in HELD_OUT:
        return "held out"
    is_validation = clip.pack == "kathleen" and clip.name.split("/")[1] in VALIDATION_FOLDERS
    return "validation" if is_validation else "train"
