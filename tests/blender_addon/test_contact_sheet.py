"""Many prompts on one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from understudy.blender_addon.contact_sheet import POSE_SIZE, POSES, PROMPTS, TITLE_HEIGHT, arranged
from understudy.tests.blender_addon.programs import pixels_of, run_program


def test_each_prompt_has_its_line_and_its_poses(engine_python: str, models: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("a person walks\n\nsomeone bows\na person jumps\n")
    options = "--seconds", 0.5, "--model", models / "tiny", "--out", tmp_path / "all.png"
    said = run_program("contact_sheet", engine_python, "--prompts", tmp_path / "mine.txt", *options)
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.splitlines()[-1] == f"{tmp_path / 'all.png'}: 3 prompts, seed 7"
    pixels = pixels_of(tmp_path / "all.png")
    width, height = POSES * POSE_SIZE[0], TITLE_HEIGHT + POSE_SIZE[1]
    assert pixels.shape == (2 * height, 2 * width, 3)
    rows = [pixels[:height, :width], pixels[height:, :width], pixels[:height, width:]]
    for row in rows:
        title, body = row[:TITLE_HEIGHT], row[TITLE_HEIGHT:, POSE_SIZE[0] // 3 : -POSE_SIZE[0] // 3]
        assert title.max() > 0.7 and title[:, :150].min() < 0.4, "dark letters on a light line"
        assert title[:, 400:].min() > 0.7, "and nothing behind them"
        assert np.ptp(body[POSE_SIZE[1] // 3 : POSE_SIZE[1] // 2].mean(axis=-1), axis=1).max() > 0.15, "somebody stands there"
    assert np.all(pixels[height:, width:] == 1), "where there is no fourth prompt it is white"


def test_prompts_that_cannot_be_read_are_told(engine_python: str, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n \n")
    for name, told in (("missing.txt", "cannot be read"), ("empty.txt", "holds no prompt")):
        said = run_program("contact_sheet", engine_python, "--prompts", tmp_path / name, "--out", tmp_path / "all.png")
        assert said.returncode == 1 and told in said.stderr and said.stderr.startswith("understudy: "), said.stderr


def test_a_picture_of_a_kind_that_is_not_made_is_refused(engine_python: str, tmp_path: Path) -> None:
    said = run_program("contact_sheet", engine_python, "--out", tmp_path / "all.bmp")
    assert said.returncode == 1 and said.stderr == "understudy: The sheet all.bmp should be a .jpg or a .png.\n"
    assert not list(tmp_path.iterdir())


def test_our_own_prompts_are_twenty() -> None:
    assert len(PROMPTS) == len(set(PROMPTS)) == 20


def test_pictures_go_down_the_columns() -> None:
    rows = [np.full((2, 3, 4), number, np.float32) for number in (0, 0.5, 0.75)]
    whole = arranged(rows, 2)[::-1, :, 0]
    assert whole.shape == (4, 6)
    assert [whole[0, 0], whole[2, 0], whole[0, 3], whole[2, 3]] == [0, 0.5, 0.75, 1]
