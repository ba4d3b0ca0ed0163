"""Does the engine work? One second of motion is generated and looked at, without touching the scene."""

from __future__ import annotations

import time

import numpy as np

from ..core.contract import BodyMotion, BodyReply, BodyRequest, Cancelled, Failure, Progress, Quality, UnderstudyError
from .engine.client import Engine

PROMPT, SECONDS, SEED = "a person walks forward", 1.0, 7
_UNIT_TOLERANCE = 1e-3
_PELVIS_METRES = (0.2, 2.0)


class EngineTest:
    """A Run: see engine_runs."""

    detail = ""

    def __init__(self, engine: Engine, model: str, device: str) -> None:
        self.began, self.step, self.factor = time.monotonic(), "Starting the engine", 0.0
        self.sentence = ""
        self._engine = engine
        engine.submit(BodyRequest(engine.next_id(), PROMPT, SECONDS, SEED, Quality.DRAFT.value, model=model, device=device))

    def advance(self) -> bool:
        """True when the motion is there and is one. Raises UnderstudyError with what is wrong."""
        for message in self._engine.poll():
            if isinstance(message, Failure):
                raise message.raised()
            if isinstance(message, Progress):
                self.step, self.factor = message.stage, message.step / max(1, message.total)
            elif isinstance(message, BodyReply):
                check_motion(message.motions[0])
                self.sentence = f"The engine works: {SECONDS:g} s of motion in {time.monotonic() - self.began:.1f} s, and it is sound."
        if not self.sentence and not self._engine.is_busy:
            raise Cancelled("The engine was stopped in the middle of its test.")
        return bool(self.sentence)

    def cancel(self) -> None:
        self._engine.cancel()

    def stop(self) -> None:
        if not self.sentence:
            self._engine.close()


def check_motion(motion: BodyMotion) -> None:
    """Raises UnderstudyError with the first thing that a motion of the test cannot have."""
    frames = round(SECONDS * motion.fps) + 1
    lengths = np.linalg.norm(motion.rotations, axis=-1)
    heights = motion.translation[:, 1]
    low, high = _PELVIS_METRES
    wrong = {
        f"it has {len(motion.translation)} frames and not {frames}": abs(len(motion.translation) - frames) > 1,
        "it holds numbers that are none": not (np.isfinite(motion.rotations).all() and np.isfinite(motion.translation).all()),
        "its rotations are none": bool((np.abs(lengths - 1.0) > _UNIT_TOLERANCE).any()),
        f"its hips are {heights.min():.2f} to {heights.max():.2f} m high": bool(heights.min() < low or heights.max() > high),
        "nothing moves in it": bool(np.ptp(motion.rotations, axis=0).max() < 1e-4),
    }
    for reason, holds in wrong.items():
        if holds:
            raise UnderstudyError(f"The engine answers, but its motion is not sound ({reason}): press Repair, and choose another device.")
