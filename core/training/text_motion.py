"""Batches of motions with sentences for the token transformers: single clips, and two clips stitched together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..body.features import LocalRotations
from ..body.motion_tokens import FRAMES_PER_TOKEN, NO_CODE, MotionTokenizer
from ..body.text_encoder import EncodedText
from .corpus import MIXED, Corpus, Stretch
from .encoded_sentences import EncodedSentences
from .pack_names import PACKS
from .stitching import BLEND_FRAMES, stitch
from .time_warp import drawn_rate, time_warped
from .windows import TEXT_BALANCE, balanced_weights, drawn_window, picked

LONGEST = 49  # tokens, 9.8 s, as published
SHORTEST = 4
STITCHED_SHARE = 0.35  # of the examples are two clips in a row
CONTINUED_SHARE = 0.25  # of the single clips are seen from the middle on


@dataclass(frozen=True)
class TokenBatch:
    """ids: (B, n, Q), -1 beyond the end; context: (B, n) True for tokens that came before what the sentence describes.

    cells: (B,) equal where two rows show the same content in the same style.
    """

    ids: Tensor
    context: Tensor
    text: EncodedText
    cells: Tensor

    @property
    def pad(self) -> Tensor:
        return self.ids[..., 0] == NO_CODE


@dataclass(frozen=True)
class _Example:
    frames: Tensor
    sentence: int
    context_frames: int
    cell: int


class TextMotionSampler:
    """Draws examples of one split and turns them into tokens with a trained tokenizer."""

    def __init__(
        self, corpus: Corpus, split: str, sentences: EncodedSentences, tokenizer: MotionTokenizer, representation: LocalRotations
    ) -> None:
        shortest = SHORTEST * FRAMES_PER_TOKEN
        self._stretches = corpus.usable(split, lambda stretch: bool(stretch.spans) and stretch.count >= shortest)
        self._weights = balanced_weights(self._stretches, TEXT_BALANCE)
        self._cells = {cell: number for number, cell in enumerate(dict.fromkeys(map(_cell, self._stretches)))}
        self._partners = _by_performer(self._stretches)
        self._corpus, self._sentences = corpus, sentences
        self._tokenizer, self._representation = tokenizer, representation

    @property
    def is_read(self) -> bool:
        """Whether a reader has been over the sentences."""
        return self._sentences.is_read

    def sample(self, count: int, generator: torch.Generator) -> TokenBatch:
        chosen = torch.multinomial(self._weights, count, replacement=True, generator=generator)
        examples = [self._example(self._stretches[index], generator) for index in chosen.tolist()]
        return self._tokens(examples)

    def _example(self, stretch: Stretch, generator: torch.Generator) -> _Example:
        frames, sentence = self._clip(stretch, generator)
        dice = float(torch.rand((), generator=generator))
        if dice < STITCHED_SHARE:
            return self._stitched(stretch, frames, generator)
        context = 0
        if dice < STITCHED_SHARE + CONTINUED_SHARE:
            context = int(torch.randint(0, max(1, len(frames) // 2), (), generator=generator))
        return _Example(frames, sentence, context, self._cells[_cell(stretch)])

    def _clip(self, stretch: Stretch, generator: torch.Generator) -> tuple[Tensor, int]:
        """Up to 9.8 s of one described span, and one of its sentences."""
        span, rate = picked(stretch.spans, generator), drawn_rate(generator)
        longest = math.ceil(LONGEST * FRAMES_PER_TOKEN * rate)
        frames = self._corpus.features[drawn_window(stretch, span, longest, generator)]
        sentence = picked(span.sentences, generator)
        warped = frames if rate == 1 else time_warped(frames, rate, self._representation.layout)
        return warped[: LONGEST * FRAMES_PER_TOKEN], sentence

    def _stitched(self, stretch: Stretch, first: Tensor, generator: torch.Generator) -> _Example:
        """The end of one clip, then another by the same performer in the same manner, described by the second's sentence.

        So the transformers learn to go on from any motion, which is how prompts of several steps are made.
        """
        candidates, weights = self._partners[_performer(stretch)]
        partner = candidates[int(torch.multinomial(weights, 1, generator=generator))]
        second, sentence = self._clip(partner, generator)
        keep = int(torch.randint(2 * BLEND_FRAMES, LONGEST * FRAMES_PER_TOKEN // 2, (), generator=generator))
        room = LONGEST * FRAMES_PER_TOKEN - min(keep, len(first)) + BLEND_FRAMES
        if min(len(first), len(second)) < 2 * BLEND_FRAMES:
            return _Example(second, sentence, 0, self._cells[_cell(partner)])
        frames, joint = stitch(first[-keep:], second[:room], self._representation.std)
        return _Example(frames[: LONGEST * FRAMES_PER_TOKEN], sentence, joint, self._cells[_cell(partner)])

    def _tokens(self, examples: list[_Example]) -> TokenBatch:
        lengths = torch.tensor([len(example.frames) // FRAMES_PER_TOKEN for example in examples])
        frames = [self._representation.normalise(example.frames[: length * FRAMES_PER_TOKEN])
                  for example, length in zip(examples, lengths.tolist(), strict=True)]  # fmt: skip
        padded = torch.nn.utils.rnn.pad_sequence(frames, batch_first=True)
        # Half precision is for what learns: rounded vectors have other codes
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            ids = self._tokenizer.encode(padded)
        positions = torch.arange(ids.shape[1])
        context_tokens = torch.tensor([example.context_frames // FRAMES_PER_TOKEN for example in examples])
        ids = ids.masked_fill((positions >= lengths[:, None])[..., None], NO_CODE)
        text = self._sentences.rows([example.sentence for example in examples])
        cells = torch.tensor([example.cell for example in examples])
        return TokenBatch(ids, positions < context_tokens[:, None], text, cells)


def _cell(stretch: Stretch) -> tuple[str, ...]:
    """What two clips have in common whose sentences fit both; a clip in segments or of a pack without labels is alone."""
    whole = len(stretch.spans) == 1 and stretch.pack in PACKS
    return (stretch.content, stretch.style) if whole else (stretch.clip, str(stretch.mirrored), str(stretch.first))


def _performer(stretch: Stretch) -> tuple[str, str, bool]:
    """Clips that may follow each other: one pack, one style (in these packs also one actor); made clips with what they are made of."""
    if stretch.pack in ("bandai_namco", MIXED):
        return "bandai_namco", stretch.style, stretch.mirrored
    return stretch.pack, "", stretch.mirrored


def _by_performer(stretches: list[Stretch]) -> dict[tuple[str, str, bool], tuple[list[Stretch], Tensor]]:
    groups: dict[tuple[str, str, bool], list[Stretch]] = {}
    for stretch in stretches:
        groups.setdefault(_performer(stretch), []).append(stretch)
    return {performer: (members, balanced_weights(members, TEXT_BALANCE)) for performer, members in groups.items()}
