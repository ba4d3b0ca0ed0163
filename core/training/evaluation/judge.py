"""The judge: motions and sentences as vectors that are near where they belong together, and what content and style a motion shows.

It stands outside of all generation: trained on recordings of the training split only, it sees motions by their raw features.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from ...body.flow_decoder import ChannelNorm
from ...body.text_encoder import EncodedText
from ...card_fields import dataclass_to_json
from ...contract import WeightsError
from ...weights_manifest import WEIGHTS_FOLDER

JUDGE_FOLDER = WEIGHTS_FOLDER / "judge"
CONFIG_FILE, WEIGHTS_FILE = "judge.json", "judge.safetensors"
LONGEST_FRAMES = 196


@dataclass(frozen=True)
class JudgeConfig:
    """contents, styles: the names of the classes; a recording without a style has none of them."""

    contents: tuple[str, ...]
    styles: tuple[str, ...]
    n_features: int
    width: int = 128
    vector: int = 64
    text_width: int = 384
    dropout: float = 0.2


class MotionJudge(nn.Module):
    """mean, std: (D,) of raw features, part of the weights."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.register_buffer("mean", torch.zeros(config.n_features))
        self.register_buffer("std", torch.ones(config.n_features))
        self.first = nn.Conv1d(config.n_features, width, 1)
        self.blocks = nn.ModuleList(nn.Conv1d(width, width, 4, stride=2, padding=1) for _ in range(3))
        self.norms = nn.ModuleList(ChannelNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(config.dropout)
        self.hidden = nn.Linear(2 * width, 2 * width)
        self.to_vector = nn.Linear(2 * width, config.vector)
        self.to_content = nn.Linear(2 * width, len(config.contents))
        self.to_style = nn.Linear(2 * width, len(config.styles))
        self.words = nn.GRU(config.text_width, width, batch_first=True, bidirectional=True)
        self.sentence = nn.Sequential(nn.Linear(2 * width + config.text_width, 2 * width), nn.GELU(), nn.Linear(2 * width, config.vector))
        self.scale = nn.Parameter(torch.tensor(2.0))

    def trunk(self, raw: Tensor, lengths: Tensor) -> Tensor:
        """Raw features (B, T, D), of which the first lengths (B,) frames count, to (B, 2 width)."""
        inside = _inside(lengths, raw.shape[1]).to(raw)
        x = self.first(((raw - self.mean) / self.std).transpose(1, 2)) * inside
        for conv, norm in zip(self.blocks, self.norms, strict=True):
            x = F.gelu(norm(conv(self.dropout(x))))
            lengths = lengths // 2
            inside = _inside(lengths, x.shape[-1]).to(x)
            x = x * inside
        mean = x.sum(-1) / inside.sum(-1).clamp_min(1)
        highest = x.masked_fill(inside == 0, -1e4).amax(-1)
        return F.gelu(self.hidden(self.dropout(torch.cat((mean, highest), dim=-1))))

    def motion_vectors(self, trunk: Tensor) -> Tensor:
        return self.to_vector(trunk)

    def sentence_vectors(self, text: EncodedText) -> Tensor:
        lengths = (~text.word_pad).sum(-1).clamp_min(1)
        packed = nn.utils.rnn.pack_padded_sequence(text.words, lengths, batch_first=True, enforce_sorted=False)
        last = self.words(packed)[1]
        return self.sentence(torch.cat((last[0], last[1], text.pooled), dim=-1))


def _inside(lengths: Tensor, longest: int) -> Tensor:
    """(B, 1, longest) True before the end of each row."""
    return (torch.arange(longest, device=lengths.device) < lengths[:, None])[:, None]


@dataclass(frozen=True)
class Judged:
    """vectors: (N, E); contents, styles: (N, classes) probabilities."""

    vectors: Tensor
    contents: Tensor
    styles: Tensor


@torch.inference_mode()
def judge_motions(judge: MotionJudge, features: list[Tensor]) -> Judged:
    """Motions as raw features (T, D) each; frames beyond 9.8 s are not seen."""
    parts = []
    for start in range(0, len(features), 64):
        batch = [rows[:LONGEST_FRAMES] for rows in features[start : start + 64]]
        trunk = judge.trunk(nn.utils.rnn.pad_sequence(batch, batch_first=True), torch.tensor([len(rows) for rows in batch]))
        parts.append((judge.motion_vectors(trunk), judge.to_content(trunk).softmax(-1), judge.to_style(trunk).softmax(-1)))
    return Judged(*(torch.cat(column) for column in zip(*parts, strict=True)))


def save_judge(judge: nn.Module, folder: Path) -> None:
    assert isinstance(judge, MotionJudge)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.half().contiguous() for name, tensor in judge.state_dict().items()}, folder / WEIGHTS_FILE)
    (folder / WEIGHTS_FILE).chmod(0o644)
    dataclass_to_json(folder / CONFIG_FILE, judge.config)


def load_judge(folder: Path = JUDGE_FOLDER) -> MotionJudge:
    """Raises WeightsError where there is none, or none of this version."""
    try:
        stored = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        config = JudgeConfig(**{**stored, "contents": tuple(stored["contents"]), "styles": tuple(stored["styles"])})
        judge = MotionJudge(config)
        judge.load_state_dict({name: tensor.float() for name, tensor in load_file(folder / WEIGHTS_FILE).items()})
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise WeightsError(f"There is no judge in {folder} ({error}): make one with `python -m core train judge`.") from error
    return judge.eval().requires_grad_(False)
