"""`evaluate body`: a model against recordings it never saw, for sentences it never read, beside what it has to beat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...body.features import FPS
from ...body.motion_tokens import FRAMES_PER_TOKEN
from ...body.text_encoder import TextEncoder
from ..motion_capture.ground import joint_positions
from .contenders import Contender, Model
from .held_out_clips import HeldOutClip
from .judge import MotionJudge
from .motion_measures import mpjpe, sjpe
from .observations import MEASURES, Observed, joined, motion_of, observe
from .set_measures import diversity, frechet_distance, multimodality, r_precision
from .statistics import Figure

Report = Callable[[str, int, int], None]
Row = dict[str, Figure]
RECONSTRUCTION_STEPS = 16


@dataclass(frozen=True)
class Examiner:
    """The judge with what it compares: clips, their sentences as vectors, and what is seen in the real motions."""

    judge: MotionJudge
    clips: list[HeldOutClip]
    sentences: Tensor
    real: Observed

    @classmethod
    def of(cls, judge: MotionJudge, encoder: TextEncoder, clips: list[HeldOutClip]) -> Examiner:
        with torch.inference_mode():
            sentences = judge.sentence_vectors(encoder.encode([clip.text for clip in clips]))
        return cls(judge, clips, sentences, observe(judge, [motion_of(clip.features) for clip in clips]))

    def real_row(self, seeds: int) -> Row:
        return self._row([self.real] * seeds)

    def shuffled_row(self, seeds: int) -> Row:
        """Real motions under the sentences of others."""
        orders = [torch.randperm(len(self.clips), generator=torch.Generator().manual_seed(seed)) for seed in range(seeds)]
        return self._row([self.real.rows(order) for order in orders])

    def contender_row(self, contender: Contender, seeds: int, name: str, report: Report) -> Row:
        parts = []
        for number, clip in enumerate(self.clips):
            report(name, number, len(self.clips))
            parts.append(observe(self.judge, contender.motions(clip.text, len(clip.features), seeds)))
        per_seed = [joined([part.rows(slice(seed, seed + 1)) for part in parts]) for seed in range(seeds)]
        row = self._row(per_seed)
        vectors = torch.stack([part.vectors for part in parts])
        row["multimodality"] = Figure.of([multimodality(vectors, torch.Generator().manual_seed(seed)) for seed in range(seeds)])
        return row

    def _row(self, sets: list[Observed]) -> Row:
        columns: dict[str, list[float]] = {}
        for seed, seen in enumerate(sets):
            for name, value in self._figures(seen, torch.Generator().manual_seed(seed)).items():
                columns.setdefault(name, []).append(value)
        return {name: Figure.of(values) for name, values in columns.items()}

    def _figures(self, seen: Observed, generator: torch.Generator) -> dict[str, float]:
        precision = r_precision(seen.vectors, self.sentences, generator)
        config = self.judge.config
        return {
            "r1": float(precision[0]),
            "r3": float(precision[2]),
            "fid": frechet_distance(seen.vectors, self.real.vectors),
            "content": _accuracy(seen.contents, config.contents, [clip.content for clip in self.clips]),
            "style": _accuracy(seen.styles, config.styles, [clip.style for clip in self.clips]),
            "diversity": diversity(seen.vectors, generator),
            **dict(zip(MEASURES, seen.measures.mean(0).tolist(), strict=True)),
        }


def _accuracy(shares: Tensor, names: tuple[str, ...], wanted: list[str | None]) -> float:
    """Share of rows whose likeliest class is the wanted one, among those whose class the judge knows."""
    known = [index for index, name in enumerate(wanted) if name in names]
    if not known:
        return float("nan")
    likeliest = shares.argmax(-1)
    return sum(names[int(likeliest[index])] == wanted[index] for index in known) / len(known)


@torch.inference_mode()
def reconstruction_rows(model: Model, examiner: Examiner, seeds: int, report: Report) -> dict[str, Row]:
    """The recordings through tokens and back, by the flow decoder and by the VQ decoder."""
    columns: dict[str, dict[str, list[float]]] = {"flow": {}, "vq": {}}
    for seed in range(seeds):
        report("reconstruction", seed, seeds)
        for name, figures in _reconstructed(model, examiner, seed).items():
            for column, value in figures.items():
                columns[name].setdefault(column, []).append(value)
    return {name: {column: Figure.of(values) for column, values in rows.items()} for name, rows in columns.items()}


def _reconstructed(model: Model, examiner: Examiner, seed: int) -> dict[str, dict[str, float]]:
    motions: dict[str, list] = {"flow": [], "vq": []}
    errors: dict[str, list[tuple[float, float]]] = {"flow": [], "vq": []}
    generator = torch.Generator().manual_seed(seed)
    for clip in examiner.clips:
        raw = clip.features[: len(clip.features) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN]
        features = model.representation.normalise(raw)[None]
        codes = model.tokenizer.quantizer.lookup(model.tokenizer.encode(features))
        noise = torch.randn(features.shape, generator=generator)
        sketch = model.tokenizer.decoder(codes)
        decoded = {"flow": model.flow.decode(codes, noise, RECONSTRUCTION_STEPS, sketch=sketch), "vq": sketch}
        real = joint_positions(motion_of(raw))
        for name, rows in decoded.items():
            motion = motion_of(model.representation.denormalise(rows[0]))
            motions[name].append(motion)
            positions = joint_positions(motion)
            errors[name].append((mpjpe(positions, real), sjpe(positions, real, FPS)))
    table = {}
    for name in motions:
        means = torch.tensor(errors[name]).mean(0)
        seen = observe(examiner.judge, motions[name])
        fid = frechet_distance(seen.vectors, examiner.real.vectors)
        jerk = float(seen.measures[:, MEASURES.index("jerk")].mean())
        table[name] = {"mpjpe": float(means[0]), "sjpe": float(means[1]), "reconstruction_fid": fid, "reconstruction_jerk": jerk}
    return table
