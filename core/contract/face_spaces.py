"""Face spaces: which basis the coefficients of an expression belong to. Coefficients of one mean nothing in another until they are
converted, see head.space_conversion.

The three releases of FLAME share their triangles but neither template nor directions, so that each is a space of its own; their
directions are numbered from one, as in FLAME's Blender add-on. In `arkit` the coefficients are ARKit's 52 shapes, by name, 0 to 1; there
the mouth opens by `jawOpen` while the jaw's turn is zero, so that any mesh with these keys can show it, with a jaw bone or without.
"""

from __future__ import annotations

ARKIT = "arkit"
FLAME_2020, FLAME_2023, FLAME_2023_OPEN = "flame-2020", "flame-2023", "flame-2023-open"


def flame_expression_names(count: int) -> tuple[str, ...]:
    """Names of FLAME's first `count` directions of expression."""
    return tuple(f"Exp{number}" for number in range(1, count + 1))
