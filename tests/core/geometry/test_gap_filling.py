"""Are frames that show nothing filled from the right neighbours, evenly, and alike in both directions of time?"""

from __future__ import annotations

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.geometry.gap_filling import filled_angles, filled_directions, filled_rotations, known_neighbours
from understudy.core.geometry.rotations import matrix_about_axis, matrix_from_rotation_vector

flags = st.lists(st.booleans(), min_size=1, max_size=30)


@given(flags)
def test_neighbours_are_those_that_a_search_finds(known: list[bool]) -> None:
    before, after, share = known_neighbours(torch.tensor(known))
    if not any(known):
        known = [True] * len(known)
    for frame in range(len(known)):
        left = [at for at in range(frame + 1) if known[at]]
        right = [at for at in range(frame, len(known)) if known[at]]
        first, last = (left or right[:1])[-1], (right or left[-1:])[0]
        assert (int(before[frame]), int(after[frame])) == (first, last)
        assert float(share[frame]) == ((frame - first) / (last - first) if first < last else 0)


@given(flags, flags)
def test_columns_do_not_see_each_other(a: list[bool], b: list[bool]) -> None:
    n = min(len(a), len(b))
    known = torch.tensor([a[:n], b[:n]]).T
    for both, first, second in zip(known_neighbours(known), known_neighbours(known[:, 0]), known_neighbours(known[:, 1]), strict=True):
        assert torch.equal(both, torch.stack((first, second), dim=1))


@given(flags, st.integers(0, 1000))
def test_filling_reads_the_same_backwards(known: list[bool], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    flag = torch.tensor(known)
    angles = torch.randn(len(known), generator=generator, dtype=torch.float64)
    directions = torch.randn(len(known), 3, generator=generator, dtype=torch.float64)
    rotations = matrix_from_rotation_vector(torch.randn(len(known), 3, generator=generator, dtype=torch.float64))
    for fill, values in ((filled_directions, directions), (filled_rotations, rotations)):
        torch.testing.assert_close(fill(values.flip(0), flag.flip(0)), fill(values, flag).flip(0), atol=1e-7, rtol=0)
    difference = filled_angles(angles.flip(0), flag.flip(0)) - filled_angles(angles, flag).flip(0)
    assert all(abs(math.remainder(d, 2 * math.pi)) < 1e-9 for d in difference.tolist())


def test_a_gap_is_crossed_evenly_and_the_shorter_way_round() -> None:
    angles = torch.tensor([9.0, 3.0, 9, 9, -3.0, 9], dtype=torch.float64)
    known = torch.tensor([False, True, False, False, True, False])
    third = (2 * math.pi - 6) / 3
    expected = torch.tensor([3, 3, 3 + third, 3 + 2 * third, -3, -3], dtype=torch.float64)
    torch.testing.assert_close(filled_angles(angles, known), expected)


def test_rotations_pass_half_way_through_the_middle_of_a_gap() -> None:
    turns = matrix_about_axis("Y", torch.deg2rad(torch.tensor([170.0, 0, -170.0], dtype=torch.float64)))
    filled = filled_rotations(turns, torch.tensor([True, False, True]))
    torch.testing.assert_close(filled[1], matrix_about_axis("Y", torch.tensor(math.pi, dtype=torch.float64)), atol=1e-9, rtol=0)


def test_known_values_are_kept() -> None:
    directions = torch.randn(20, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    known = torch.arange(40).reshape(20, 2) % 3 > 0
    unit = torch.nn.functional.normalize(directions, dim=-1)
    torch.testing.assert_close(filled_directions(directions, known)[known], unit[known])
