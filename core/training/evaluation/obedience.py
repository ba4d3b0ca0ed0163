"""How often a model does what held-out sentences ask for: contents, styles, direction words, and two steps in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ...contract import BodyMotion
from .classes import style_class
from .contenders import Contender
from .directions import RULE_OF_CONTENT, RULES
from .held_out_clips import HeldOutClip
from .held_out_sentences import HeldOutSentences, StepPrompt
from .judge import MotionJudge
from .measured import Measured
from .observations import motion_of, observe

Report = Callable[[str, int, int], None]
ONE_STEP_FRAMES, TWO_STEP_FRAMES = 81, 161  # 4 and 8 seconds


@dataclass(frozen=True)
class Obedience:
    """Shares 0..1 by content, style, direction word, and by the text of a prompt of two steps."""

    contents: dict[str, float]
    styles: dict[str, float]
    directions: dict[str, float]
    steps: dict[str, float]


def obedience(contender: Contender, judge: MotionJudge, book: HeldOutSentences, seeds: int, report: Report) -> Obedience:
    """Every sentence of the book with `seeds` seeds, 4 seconds each; of two steps 8 seconds."""
    tables = book.contents, book.styles, book.directions
    asked = _Asked(contender, judge, seeds, report, sum(len(each) for table in tables for each in table.values()) + len(book.steps))
    contents, styles = judge.config.contents, judge.config.styles
    return Obedience(
        {name: asked.content_share(texts, name) for name, texts in book.contents.items() if name in contents},
        {name: asked.style_share([text for _, text in pairs], name) for name, pairs in book.styles.items() if name in styles},
        {name: asked.direction_share(texts, name) for name, texts in book.directions.items()},
        {prompt.text: asked.step_share(prompt) for prompt in book.steps},
    )


def real_directions(clips: list[HeldOutClip]) -> dict[str, float]:
    """Share of the recordings whose content names a direction that meet its rule."""
    met: dict[str, list[bool]] = {}
    for clip in clips:
        if name := RULE_OF_CONTENT.get(clip.content or ""):
            met.setdefault(name, []).append(RULES[name](Measured.of(motion_of(clip.features))))
    return {name: sum(values) / len(values) for name, values in met.items()}


@dataclass
class _Asked:
    contender: Contender
    judge: MotionJudge
    seeds: int
    report: Report
    total: int
    done: int = 0

    def content_share(self, texts: list[str], content: str) -> float:
        return _mean([self._contents(self._motions(text)).count(content) / self.seeds for text in texts])

    def style_share(self, texts: list[str], style: str) -> float:
        names = self.judge.config.styles
        found = [observe(self.judge, self._motions(text)).styles.argmax(-1).tolist() for text in texts]
        return _mean([sum(names[index] == style_class(style) for index in row) / self.seeds for row in found])

    def direction_share(self, texts: list[str], direction: str) -> float:
        return _mean([sum(RULES[direction](Measured.of(motion)) for motion in self._motions(text)) / self.seeds for text in texts])

    def step_share(self, prompt: StepPrompt) -> float:
        """Both halves show what was asked for, in order."""
        motions = self._motions(prompt.text, TWO_STEP_FRAMES)
        first, second = (self._contents([_half(motion, half) for motion in motions]) for half in (0, 1))
        return sum((a, b) == (prompt.first, prompt.second) for a, b in zip(first, second, strict=True)) / self.seeds

    def _contents(self, motions: list[BodyMotion]) -> list[str]:
        return [self.judge.config.contents[index] for index in observe(self.judge, motions).contents.argmax(-1).tolist()]

    def _motions(self, text: str, frames: int = ONE_STEP_FRAMES) -> list[BodyMotion]:
        self.report("prompts", self.done, self.total)
        self.done += 1
        return self.contender.motions(text, frames, self.seeds)


def _half(motion: BodyMotion, half: int) -> BodyMotion:
    middle = len(motion.translation) // 2
    rows = slice(0, middle) if half == 0 else slice(middle, None)
    return replace(motion, translation=motion.translation[rows], rotations=motion.rotations[rows], contacts=motion.contacts[rows])


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
