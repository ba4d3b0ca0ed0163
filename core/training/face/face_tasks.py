"""Puts together what each network of the face needs for its training: the corpus, and the networks before it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ...contract import BadRequest
from ...contract.head import DEFAULT_HEAD, read_head
from ...face.expression_tokens import ExpressionTokenizer
from ...face.talker import Talker
from ...face_bundles import FaceConfigs
from ..run import CHECKPOINT, Task, trained_network
from .emotion_bank import EmotionBank, emotion_bank
from .emotion_pairs import FRAMES, EmotionSampler
from .face_batches import FaceBatches
from .face_corpus import FaceClip, load
from .face_losses import LIPS
from .face_scale import FaceScale, face_scale
from .lip_line import lip_line
from .train_emotion import EmotionNetworks, EmotionTask
from .train_talker import TalkerTask
from .train_tokens import ExpressionTokensTask

NETWORKS = ("tokens", "emotion", "talker")
READERS = ("kathleen", "flite")  # packs whose voices read calmly
WINDOW, TALKER_WINDOW = 64, 72  # frames
SCALED_ON = 512  # windows


@dataclass(frozen=True)
class FaceEmotionConfigs:
    """What a run of the embedding keeps as its configuration."""

    emotion: Any
    features: Any


@dataclass(frozen=True)
class FaceIngredients:
    """corpus_folder: what `train face-prepare` wrote; folder: of the run, one sub-folder a network.

    unheard: speakers to leave out. lips_weight: of the lips in what the talker learns.
    """

    corpus_folder: Path
    folder: Path
    sizes: FaceConfigs
    unheard: tuple[str, ...] = ()
    lips_weight: float = LIPS

    def task(self, network: str) -> tuple[Task, Any]:
        """The task and its network's configuration. Raises UnderstudyError where something before it is missing."""
        if network == "tokens":
            train, validation = (self._batches(split, WINDOW) for split in ("train", "validation"))
            return ExpressionTokensTask(train, validation, self.scale, self.sizes.tokens), self.sizes.tokens
        if network == "emotion":
            assert self.sizes.features is not None
            configs = FaceEmotionConfigs(self.sizes.emotion, self.sizes.features)
            return EmotionTask(self.sampler, self.held_out, configs.emotion, configs.features), configs
        batches = [self._batches(split, TALKER_WINDOW) for split in ("train", "validation")]
        talker = self.sizes.talker
        return TalkerTask(batches[0], batches[1], self.scale, self.tokens, self.bank, talker, self.lips_weight), talker

    @cached_property
    def corpus(self) -> Any:
        return load(self.corpus_folder)

    @cached_property
    def held_out(self) -> list[FaceClip]:
        """Recordings as they are, of the speakers whose emotions are not learned; a changed copy has the same name and comes later."""
        unheard = [clip for clip in self.corpus.clips if clip.emotion and self._is_unheard(clip)]
        return list({clip.name: clip for clip in reversed(unheard)}.values())

    @cached_property
    def sampler(self) -> EmotionSampler:
        heard = [clip for clip in self.corpus.clips if clip.split != "validation" and not self._is_unheard(clip)]
        readers = [clip for clip in heard if clip.pack in READERS and not clip.emotion]
        return EmotionSampler(self.corpus, self._batches("train", FRAMES), heard, readers)

    @cached_property
    def tokens(self) -> ExpressionTokenizer:
        network = trained_network(finished(self.folder / "tokens"), ExpressionTokenizer(self.sizes.tokens))
        assert isinstance(network, ExpressionTokenizer)
        return network

    @cached_property
    def emotions(self) -> EmotionNetworks:
        assert self.sizes.features is not None
        network = trained_network(finished(self.folder / "emotion"), EmotionNetworks(self.sizes.emotion, self.sizes.features))
        assert isinstance(network, EmotionNetworks)
        return network

    @cached_property
    def talker(self) -> Talker:
        network = trained_network(finished(self.folder / "talker"), Talker(self.sizes.talker))
        assert isinstance(network, Talker)
        return network

    @cached_property
    def bank(self) -> EmotionBank:
        return emotion_bank(self.emotions, self.sampler)

    def _is_unheard(self, clip: FaceClip) -> bool:
        return clip.speaker in self.unheard if self.unheard else clip.split == "held out"

    def _batches(self, split: str, frames: int) -> FaceBatches:
        return FaceBatches(self.corpus, lip_line(self._head), self.corpus.split(split), frames)

    @cached_property
    def scale(self) -> FaceScale:
        """The same each time."""
        faces = self._batches("train", WINDOW).faces(SCALED_ON, torch.Generator().manual_seed(0))
        return face_scale(faces, lip_line(self._head))

    @cached_property
    def _head(self) -> Any:
        return read_head(DEFAULT_HEAD)


def finished(folder: Path) -> Path:
    """The folder of a network that has been trained. Raises BadRequest where it has not."""
    if not (folder / CHECKPOINT).is_file():
        raise BadRequest(f"{folder} holds no trained network yet: run `python -m core train face-{folder.name}` first.")
    return folder
