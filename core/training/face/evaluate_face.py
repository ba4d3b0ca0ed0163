"""Measures a face model on recordings that its training never saw: lips, closures, lag, emotions of voices and of faces, speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...contract import EMOTIONS
from ...contract.head import DEFAULT_HEAD, read_head
from ...face.emotion_embedding import EmotionDistribution
from ...face.sound_frames import SAMPLE_RATE
from ...face.speech_to_face import Delivery, FaceNetworks, emotion_of_sound, face_of_speech
from ...face_bundles import load_face_networks
from .emotional_face import emotional_face
from .face_corpus import FaceCorpus, load
from .face_judge import FaceJudge, trained_judge
from .heard_voices import calm_readers, recall_of_actors
from .lip_line import LipLine, lip_line
from .measured_lips import CLOSED_MM, TIGHT_MM, best_lag, correlation, nearest_lips
from .prepare import CALIBRATED_ON, VALIDATION_FOLDERS
from .speech_pack import SpokenClip, TrackedLips, read_pack, read_tracked_lips

Report = Callable[[str, int, int], None]
_SENTENCES = 40  # of kathleen's held-out ones
_JUDGED = 16  # of these, by eight emotions
_JUDGE_CLIPS = 60  # of the training split, by eight emotions
_SPEED_SECONDS = 10.0
NEUTRAL = "neutral"


@dataclass(frozen=True)
class FaceEvaluation:
    """lips_r: mean of Pearson's r over GRID's clips of speakers nobody calibrated on; lips_r_of: the same for each emotion. lag: frames.

    closed: share of bilabials at which lips come as near as tracked ones do; closed_tightly: to a millimetre. voices: unweighted recall of
    7 emotions of unheard speakers. calm: share of sentences of unheard English readers that are taken for neutral, mean of the sources.
    faces: share of generated faces whose emotion is recognised, of all and of each. real_time: seconds of work for a second of sound,
    with `threads`.
    """

    model: str
    lips_r: float
    lips_r_clips: dict[str, float]
    lips_r_of: dict[str, float]
    lag: int
    closed: float
    closed_tightly: float
    bilabials: int
    voices: float
    voices_of: dict[str, float]
    calm: float
    calm_of: dict[str, float]
    faces: float
    faces_of: dict[str, float]
    real_time: float
    threads: int


def evaluate_face(model: Path, speech: Path, corpus: Path, report: Report) -> FaceEvaluation:
    """Raises UnderstudyError where the model, the data pack or the corpus is missing."""
    networks, card = load_face_networks(model, torch.device("cpu"))
    line = lip_line(read_head(DEFAULT_HEAD))
    tracked = [each for each in read_tracked_lips(speech) if each.clip.speaker not in CALIBRATED_ON]
    report("Watching lips", 0, 4)
    by_emotion = {emotion: _apertures(networks, line, [each.clip for each in tracked], emotion) for emotion in EMOTIONS}
    r_of = {emotion: [correlation(*pair) for pair in _pairs(made, tracked)] for emotion, made in by_emotion.items()}
    report("Watching closures", 1, 4)
    sentences = _sentences(speech)
    spoken = [*zip(sentences, _apertures(networks, line, sentences, NEUTRAL), strict=True)]
    spoken += zip([each.clip for each in tracked], by_emotion[NEUTRAL], strict=True)
    near = np.array([distance for clip, made in spoken for distance in nearest_lips(made, clip.segments)])
    report("Listening to emotions", 2, 4)
    voices_of = recall_of_actors(networks, [clip for clip in read_pack(speech, "emodb") if clip.emotion])
    calm_of = calm_readers(networks, speech)
    report("Watching emotions", 3, 4)
    faces_of = _faces(networks, trained_on_teacher(load(corpus), line), sentences[:_JUDGED])
    return FaceEvaluation(
        card.name,
        float(np.mean(r_of[NEUTRAL])),
        {each.clip.path.stem: r for each, r in zip(tracked, r_of[NEUTRAL], strict=True)},
        {emotion: float(np.mean(values)) for emotion, values in r_of.items()},
        best_lag(*map(list, zip(*_pairs(by_emotion[NEUTRAL], tracked), strict=True))),
        float(np.mean(near < CLOSED_MM)),
        float(np.mean(near < TIGHT_MM)),
        len(near),
        float(np.mean(list(voices_of.values()))),
        voices_of,
        float(np.mean(list(calm_of.values()))),
        calm_of,
        float(np.mean(list(faces_of.values()))),
        faces_of,
        _real_time(networks, sentences),
        torch.get_num_threads(),
    )


def as_table(found: FaceEvaluation) -> str:
    """Markdown."""
    worst = min(found.lips_r_of.values()) - found.lips_r
    rows = [
        ("lips: r with tracked lips, from sound alone", f"{found.lips_r:.3f}", "0.60"),
        ("lips with any emotion: r less neutral's, the worst", f"{worst:+.3f}", "-0.05"),
        ("lag of the lips, frames", f"{found.lag:d}", "1"),
        (f"bilabials closed, of {found.bilabials}: to {CLOSED_MM:.1f} mm, as tracked lips are", f"{found.closed:.1%}", "90 %"),
        (f"to {TIGHT_MM:.1f} mm", f"{found.closed_tightly:.1%}", ""),
        ("emotions of voices, recall over 7", f"{found.voices:.1%}", "60 %"),
        ("calm English readers heard as neutral, mean of three sources", f"{found.calm:.1%}", ""),
        ("emotions asked for, recognised from the face", f"{found.faces:.1%}", "80 %"),
        (f"seconds of work a second of sound, {found.threads} threads", f"{found.real_time:.3f}", "0.05"),
    ]
    lines = [f"| {found.model} | measured | bar |", "|---|---|---|", *(f"| {what} | {value} | {bar} |" for what, value, bar in rows)]
    details = {
        "r by clip": found.lips_r_clips, "r by emotion": found.lips_r_of, "voices": found.voices_of, "calm": found.calm_of,
        "faces": found.faces_of,
    }  # fmt: skip
    for title, shares in details.items():
        lines += ["", f"{title}: " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items())]
    return "\n".join(lines)


def anchored(networks: FaceNetworks, emotion: str) -> EmotionDistribution:
    """Where a model with anchors has an emotion of EMOTIONS."""
    assert networks.anchors is not None
    return networks.anchors.of(emotion)


def trained_on_teacher(corpus: FaceCorpus, line: LipLine) -> FaceJudge:
    """A judge of the teacher's own faces, on clips of the training split."""
    clips = [clip for clip in corpus.split("train") if clip.has_lips]
    faces, classes = [], []
    for clip in clips[:: max(len(clips) // _JUDGE_CLIPS, 1)]:
        spoken = corpus.spoken_in(clip.start, clip.stop)
        for number, emotion in enumerate(EMOTIONS):
            faces.append(emotional_face(line, spoken, emotion, 1.0))
            classes.append(number)
    return trained_judge(faces, np.array(classes))


def _sentences(speech: Path) -> list[SpokenClip]:
    """Held-out sentences of kathleen, one take of each, evenly spread."""
    clips = [clip for clip in read_pack(speech, "kathleen") if clip.name.split("/")[1] in VALIDATION_FOLDERS and clip.segments]
    one_take = list({clip.text: clip for clip in clips}.values())
    return one_take[:: max(len(one_take) // _SENTENCES, 1)]


def _apertures(networks: FaceNetworks, line: LipLine, clips: list[SpokenClip], emotion: str) -> list[np.ndarray]:
    return [line.aperture(_face(networks, clip, emotion)) for clip in clips]


def _face(networks: FaceNetworks, clip: SpokenClip, emotion: str) -> np.ndarray:
    return face_of_speech(networks, clip.sound(), anchored(networks, emotion), Delivery()).expression


def _pairs(made: list[np.ndarray], tracked: list[TrackedLips]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(aperture[: len(each.gap)], each.gap[: len(aperture)]) for aperture, each in zip(made, tracked, strict=True)]


def _faces(networks: FaceNetworks, judge: FaceJudge, clips: list[SpokenClip]) -> dict[str, float]:
    """Share of clips in whose face the judge sees the emotion that was asked for."""
    return {
        emotion: float((judge.seen([_face(networks, clip, emotion) for clip in clips]) == number).mean())
        for number, emotion in enumerate(EMOTIONS)
    }


def _real_time(networks: FaceNetworks, clips: list[SpokenClip]) -> float:
    """The quickest of three: what it takes where nothing else is in the way."""
    sound = np.concatenate([clip.sound() for clip in clips])[: int(_SPEED_SECONDS * SAMPLE_RATE)]
    times = []
    for _ in range(4):
        began = time.perf_counter()
        face_of_speech(networks, sound, emotion_of_sound(networks, sound), Delivery())
        times.append(time.perf_counter() - began)
    return min(times[1:]) / (len(sound) / SAMPLE_RATE)

