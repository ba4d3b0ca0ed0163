"""Whoever makes motions for sentences in the evaluation: a model with its flow decoder, the same with its VQ decoder, and retrieval."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ...body.features import FPS
from ...body.flow import Step
from ...body.flow_decoder import RectifiedFlowDecoder
from ...body.motion_tokens import MotionTokenizer
from ...body.pipeline import BodyPipeline
from ...body.text_encoder import TextEncoder
from ...checkpoints import assembled
from ...contract import BodyMotion, BodyRequest, Quality, Recipe
from ..corpus import Corpus, Stretch
from ..encoded_sentences import EncodedSentences
from ..own_networks import load_own_networks
from .observations import motion_of

FIRST_SEED = 1000
_CPU = torch.device("cpu")


class Contender(Protocol):
    def motions(self, text: str, frames: int, seeds: int) -> list[BodyMotion]:
        """One motion a seed, of `frames` frames."""
        ...


class VQDecoder(RectifiedFlowDecoder):
    """A tokenizer's own decoder in the place of the flow decoder; it needs no noise and no steps."""

    def __init__(self, replaced: RectifiedFlowDecoder, tokenizer: MotionTokenizer) -> None:
        super().__init__(replaced.config)
        self.decoder = tokenizer.decoder

    def decode(self, y: Tensor, noise: Tensor, steps: int, on_step: Step | None = None, sketch: Tensor | None = None) -> Tensor:
        return self.decoder(y)


class Model:
    """A bundle. Both of its contenders decode the same tokens, which are drawn once."""

    def __init__(self, folder: Path) -> None:
        networks, self.representation, card = load_own_networks(folder)
        assert networks.flow, "training always makes one"
        self.tokenizer, self.flow = networks.tokenizer, networks.flow
        self._pipeline = assembled(networks, self.representation, card, _CPU)
        self._vq_pipeline = self._pipeline.with_decoder(VQDecoder(self.flow, networks.tokenizer))
        self._drawn: dict[BodyRequest, Tensor] = {}

    def with_flow_decoder(self) -> Contender:
        return _Decoded(self, self._pipeline)

    def with_vq_decoder(self) -> Contender:
        return _Decoded(self, self._vq_pipeline)

    def tokens(self, request: BodyRequest) -> Tensor:
        if request not in self._drawn:
            self._drawn[request] = self._pipeline.tokens(request)
        return self._drawn[request]


@dataclass(frozen=True)
class _Decoded:
    model: Model
    pipeline: BodyPipeline

    def motions(self, text: str, frames: int, seeds: int) -> list[BodyMotion]:
        request = BodyRequest(1, text, (frames - 1) / FPS, FIRST_SEED, Quality.NORMAL.value, variations=seeds, device="cpu")
        return self.pipeline.shaped(self.model.tokens(request), request, Recipe())


class Retrieval:
    """A recording of the training split whose sentence is nearest in the text encoder's pooled space; seeds choose among several.

    What a model must beat: it has captured motion to show, but only what is there, as long as it is.
    """

    def __init__(self, corpus: Corpus, sentences: EncodedSentences, encoder: TextEncoder) -> None:
        self._corpus, self._encoder = corpus, encoder
        self._places: dict[int, list[tuple[Stretch, int, int]]] = {}
        for stretch in corpus.split("train"):
            for span in stretch.spans:
                for sentence in span.sentences:
                    self._places.setdefault(sentence, []).append((stretch, span.start, span.end))
        self._known = torch.tensor(sorted(self._places))
        self._vectors = torch.nn.functional.normalize(sentences.pooled[self._known].float(), dim=-1)

    def motions(self, text: str, frames: int, seeds: int) -> list[BodyMotion]:
        wanted = torch.nn.functional.normalize(self._encoder.encode([text]).pooled, dim=-1)[0]
        nearest = int(self._known[int((self._vectors @ wanted).argmax())])
        places = self._places[nearest]
        order = torch.randperm(len(places), generator=torch.Generator().manual_seed(FIRST_SEED)).tolist()
        return [self._cut(places[order[seed % len(places)]], frames) for seed in range(seeds)]

    def _cut(self, place: tuple[Stretch, int, int], frames: int) -> BodyMotion:
        stretch, start, end = place
        end = min(end, start + frames)
        return motion_of(self._corpus.features[stretch.first + start : stretch.first + end])
