"""Trains the judge: sentences and motions that belong together are drawn together (InfoNCE, van den Oord et al. 2018; for motion and
text Petrovich et al., TMR, ICCV 2023), and content and style are told from the motion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..corpus import Corpus, Stretch
from ..encoded_sentences import EncodedSentences
from ..run import NoExtraState
from ..windows import Balance, balanced_weights, drawn_window, picked
from .classes import class_names, content_class, style_class
from .judge import LONGEST_FRAMES, JudgeConfig, MotionJudge

SHORTEST_FRAMES = 16
IGNORED = -100
BALANCE = Balance(0.25, 1.0)
VALIDATION_SIZE = 256
NOISE = 0.05  # added to features in units of their deviation, so that recordings are not known by their smallest traits


@dataclass(frozen=True)
class _Batch:
    frames: Tensor
    lengths: Tensor
    sentences: list[int]
    contents: Tensor
    styles: Tensor


class JudgeTask(NoExtraState):
    """See training.run.Task."""

    def __init__(self, corpus: Corpus, sentences: EncodedSentences, device: torch.device) -> None:
        contents, styles = class_names(corpus)
        self.network = MotionJudge(JudgeConfig(contents, styles, corpus.features.shape[1]))
        rows = torch.cat([corpus.frames(stretch) for stretch in corpus.split("train")])
        self.network.mean.copy_(rows.mean(0))
        self.network.std.copy_(rows.std(0).clamp_min(1e-3))
        self.network.to(device)
        self._corpus, self._sentences, self._device = corpus, sentences, device
        self._contents, self._styles = ({name: index for index, name in enumerate(names)} for names in (contents, styles))
        self._stretches = {split: corpus.usable(split, _is_described) for split in ("train", "validation")}
        self._weights = {split: balanced_weights(stretches, BALANCE) for split, stretches in self._stretches.items()}

    def loss(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Mapping[str, float]]:
        return self._losses(self.network, self._batch("train", batch_size, generator), generator)

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        assert isinstance(network, MotionJudge)
        generator = torch.Generator().manual_seed(0)
        loss, figures = self._losses(network, self._batch("validation", VALIDATION_SIZE, generator), None)
        return {"loss": float(loss), **figures}

    def _losses(self, network: MotionJudge, batch: _Batch, generator: torch.Generator | None) -> tuple[Tensor, Mapping[str, float]]:
        frames = batch.frames
        if generator:
            frames = frames + NOISE * network.std.cpu() * torch.randn(frames.shape, generator=generator)
        trunk = network.trunk(frames.to(self._device), batch.lengths.to(self._device))
        text = self._sentences.rows(batch.sentences).to(self._device)
        alike = self._alike(batch).to(self._device)
        contrast = matching_loss(network.motion_vectors(trunk), network.sentence_vectors(text), alike, network.scale)
        contents, styles = network.to_content(trunk), network.to_style(trunk)
        told, manner = _told(contents, batch.contents), _told(styles, batch.styles)
        figures = {
            "contrast": float(contrast.detach()),
            "content": _accuracy(contents, batch.contents),
            "style": _accuracy(styles, batch.styles),
        }
        return contrast + told + manner, figures

    @staticmethod
    def _alike(batch: _Batch) -> Tensor:
        """(B, B) True where another row shows the same content in the same style: it is no wrong answer."""
        labels = torch.stack((batch.contents, batch.styles), dim=-1)
        same = (labels[:, None] == labels[None]).all(-1)
        return same & ~torch.eye(len(labels), dtype=torch.bool)

    def _batch(self, split: str, count: int, generator: torch.Generator) -> _Batch:
        chosen = torch.multinomial(self._weights[split], count, replacement=True, generator=generator).tolist()
        frames, sentences, contents, styles = [], [], [], []
        for index in chosen:
            stretch = self._stretches[split][index]
            span = picked(stretch.spans, generator)
            frames.append(self._corpus.features[drawn_window(stretch, span, LONGEST_FRAMES, generator)])
            sentences.append(picked(span.sentences, generator))
            contents.append(self._contents.get(content_class(stretch) or "", IGNORED))
            styles.append(self._styles.get(style_class(stretch.style, stretch.pack) or "", IGNORED))
        lengths = torch.tensor([len(rows) for rows in frames])
        padded = nn.utils.rnn.pad_sequence(frames, batch_first=True)
        return _Batch(padded, lengths, sentences, torch.tensor(contents), torch.tensor(styles))


def matching_loss(motions: Tensor, sentences: Tensor, alike: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy of finding the own sentence of a motion and the own motion of a sentence by distance; `alike` pairs do not count."""
    logits = -torch.cdist(motions, sentences) * scale.exp() / motions.shape[-1] ** 0.5
    logits = logits.masked_fill(alike, -1e9)
    target = torch.arange(len(motions), device=motions.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def _is_described(stretch: Stretch) -> bool:
    return stretch.is_recorded and bool(stretch.spans) and stretch.count >= SHORTEST_FRAMES


def _told(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy over the rows whose class is known; nothing where none is."""
    known = target != IGNORED
    return F.cross_entropy(logits[known], target[known].to(logits.device)) if known.any() else logits.sum() * 0


def _accuracy(logits: Tensor, target: Tensor) -> float:
    known = target != IGNORED
    return float((logits.argmax(-1).cpu() == target)[known].double().mean()) if known.any() else 0.0
