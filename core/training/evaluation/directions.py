"""Direction words: for each a rule that a motion must meet, and the contents of recordings that should meet it too."""

from __future__ import annotations

from collections.abc import Callable

from .measured import Measured

Rule = Callable[[Measured], bool]

RULES: dict[str, Rule] = {
    "forward": lambda m: m.forward > 0.8 and abs(m.turn) < 45,
    "backward": lambda m: m.forward < -0.4,
    "turn-left": lambda m: m.turn > 45,
    "turn-right": lambda m: m.turn < -45,
    "left-hand": lambda m: m.raised("left") > 0.15 and m.raised("right") < 0.1,
    "right-hand": lambda m: m.raised("right") > 0.15 and m.raised("left") < 0.1,
    "both-hands": lambda m: min(m.raised("left"), m.raised("right")) > 0.15,
    "faster": lambda m: m.speed > 1.8,
    "slower": lambda m: 0.1 < m.speed < 0.9,
}
# Contents of Bandai-Namco whose names say a direction
RULE_OF_CONTENT = {
    "walk": "forward", "walk-back": "backward", "walk-turn-left": "turn-left", "walk-turn-right": "turn-right", "run": "faster",
    "raise-up-left-hand": "left-hand", "raise-up-right-hand": "right-hand", "raise-up-both-hands": "both-hands",
    "wave-left-hand": "left-hand", "wave-right-hand": "right-hand", "wave-both-hands": "both-hands",
}  # fmt: skip
