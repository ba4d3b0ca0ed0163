"""What a model hears in voices that its training never heard: the emotions of actors, and that readers are calm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...contract import EMOTIONS
from ...face.emotion_embedding import unit
from ...face.speech_to_face import FaceNetworks, emotion_of_sound
from .prepare import HELD_OUT
from .speech_pack import EMOTIONS as LABELS
from .speech_pack import SpokenClip, read_pack

UNHEARD_READERS = ("fixtures", "grid")  # packs that teach lips at most
CALM = EMOTIONS.index("neutral")


def recall_of_actors(networks: FaceNetworks, clips: Sequence[SpokenClip]) -> dict[str, float]:
    """Recall of each emotion of speakers that were not heard, by the nearest mean of those that were."""
    means = _heard(networks, clips)
    labels = np.array([clip.emotion for clip in clips])
    unheard = np.array([clip.speaker in HELD_OUT for clip in clips])
    names = sorted(set(LABELS.values()))
    known = torch.cat([unit(means[torch.from_numpy((labels == name) & ~unheard)].mean(0, keepdim=True)) for name in names])
    guesses = np.array(names)[(means @ known.T).argmax(-1).numpy()]
    return {name: float((guesses[unheard & (labels == name)] == name).mean()) for name in names}


def calm_readers(networks: FaceNetworks, speech: Path) -> dict[str, float]:
    """Share of clips that a model with anchors takes for neutral rather than for another of EMOTIONS, of each source of English readers."""
    assert networks.anchors is not None
    clips = [clip for pack in UNHEARD_READERS for clip in read_pack(speech, pack)]
    calm = ((_heard(networks, clips) @ networks.anchors.mean.T).argmax(-1) == CALM).numpy()
    sources = np.array([clip.path.parent.name if clip.pack == "fixtures" else clip.pack for clip in clips])
    return {source: float(calm[sources == source].mean()) for source in dict.fromkeys(sources.tolist())}


def _heard(networks: FaceNetworks, clips: Sequence[SpokenClip]) -> Tensor:
    """(N, E)."""
    return torch.cat([emotion_of_sound(networks, clip.sound()).mean for clip in clips])
