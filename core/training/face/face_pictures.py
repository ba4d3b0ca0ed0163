"""Pictures of a model's faces on the default head: every emotion, and a sentence frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ...contract import EMOTIONS
from ...contract.head import DEFAULT_HEAD, FLAME_JOINTS, HeadModel, posed, read_head
from ...face.sound_frames import FPS
from ...face.speech_to_face import Delivery, face_of_speech
from ...face_bundles import load_face_networks
from ..head_picture import picture
from ..pictures import new_figure
from .lip_line import lip_line
from .prepare import VALIDATION_FOLDERS
from .speech_pack import SpokenClip, read_pack

_HEIGHT, _WIDTH = 540, 450
_FACE = (slice(105, 428), slice(120, 330))  # of a picture
_MOUTH = (slice(275, 405), slice(150, 300))
_COLUMNS, _ROWS, _EVERY = 8, 3, 3
_INCHES = 1.9


def draw_faces(model: Path, speech: Path, out: Path) -> None:
    """emotions.jpg and sentence.jpg, of a held-out sentence of kathleen. Raises BadRequest where matplotlib is missing."""
    networks, _ = load_face_networks(model, torch.device("cpu"))
    head = read_head(DEFAULT_HEAD)
    clip = next(each for each in read_pack(speech, "kathleen") if each.name.split("/")[1] in VALIDATION_FOLDERS and each.segments)
    assert networks.anchors is not None
    faces = {
        emotion: face_of_speech(networks, clip.sound(), networks.anchors.of(emotion), Delivery()).expression for emotion in EMOTIONS
    }
    _draw_emotions(head, faces, out / "emotions.jpg")
    _draw_sentence(head, faces["neutral"], clip, out / "sentence.jpg")


def _draw_emotions(head: HeadModel, faces: dict[str, np.ndarray], path: Path) -> None:
    """Above where the mouth is widest open, below where it is closed."""
    aperture = lip_line(head).aperture(faces["neutral"])
    edge = len(aperture) // 4  # where nothing may be said yet
    frames = {"open": int(aperture.argmax()), "closed": edge + int(aperture[edge:-edge].argmin())}
    figure = new_figure(_INCHES * len(faces), 2 * _INCHES * 1.6, "constrained")
    for row, (lips, frame) in zip(figure.subplots(len(frames), len(faces)), frames.items(), strict=True):
        for axes, (emotion, face) in zip(row, faces.items(), strict=True):
            axes.imshow(_drawn(head, face[frame])[_FACE])
            axes.set_title(f"{emotion}, {lips}", fontsize=9)
            axes.axis("off")
    figure.savefig(path, dpi=100)


def _draw_sentence(head: HeadModel, face: np.ndarray, clip: SpokenClip, path: Path) -> None:
    """Every third frame of the mouth, with what is spoken there."""
    figure = new_figure(_INCHES * _COLUMNS, _INCHES * _ROWS, "constrained")
    figure.suptitle(clip.text, fontsize=11)
    for number, axes in enumerate(np.asarray(figure.subplots(_ROWS, _COLUMNS)).ravel()):
        axes.axis("off")
        frame = number * _EVERY
        if frame < len(face):
            axes.imshow(_drawn(head, face[frame])[_MOUTH])
            axes.set_title(f"{frame / FPS:.2f} s {_spoken(clip.segments, (frame + 0.5) / FPS)}", fontsize=8)
    figure.savefig(path, dpi=100)


def _spoken(segments: Sequence, time: float) -> str:
    return next((each.viseme for each in segments if each.start <= time < each.end), "")


def _drawn(head: HeadModel, expression: np.ndarray) -> np.ndarray:
    return picture(head, posed(head, expression[None].clip(0, 1), np.zeros((1, len(FLAME_JOINTS), 3)))[0], 0.0, _HEIGHT, _WIDTH)
