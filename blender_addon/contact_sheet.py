"""Twenty prompts on one picture, through the real worker (`build_addon.py sheet`): what a model makes of them, good or bad."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import bpy
import numpy as np

from ..core.contract import UnderstudyError
from .console import blender_prints_to
from .exports import check_writable
from .preview import Stage, save_picture
from .process_end import end_process
from .shots import Shot
from .try_out import exit_status, keyed_scene

PROMPTS = (
    "a person walks forward", "a person walks backward", "a person runs", "someone sprints as fast as possible",
    "a person walks and turns left", "a person waves with the right hand", "someone raises both hands", "a person bows",
    "a person jumps", "someone kicks", "somebody throws a punch", "a person dances", "an old man walks", "a tired woman walks",
    "someone walks proudly", "a child runs", "a person sits down and stands up", "someone crawls", "a giant walks slowly",
    "a person walks forward, then waves with the left hand",
)  # fmt: skip
POSES, POSE_SIZE, TITLE_HEIGHT, COLUMNS = 6, (120, 176), 22, 2


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="build_addon.py sheet")
    parser.add_argument("--prompts", type=Path, help="a text file with one prompt a line; twenty of ours if left out")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each motion")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--out", type=Path, default=Path("out/sheet.jpg"), help="a .jpg or .png")
    options = parser.parse_args(arguments)
    return exit_status(lambda: _draw(options))


def _draw(options: argparse.Namespace) -> None:
    prompts = _prompts(options.prompts)
    path = options.out.absolute()
    if path.suffix not in (".jpg", ".png"):
        raise UnderstudyError(f"The sheet {path.name} should be a .jpg or a .png.")
    check_writable(path)
    rows = []
    with blender_prints_to(path.with_suffix(".log")) as output:
        for number, prompt in enumerate(prompts):
            print(f"{number + 1}/{len(prompts)} {prompt}", file=output, flush=True)
            shot = Shot("sheet", (), prompt, "", options.seconds, options.seed, "normal", None, options.model)
            rows.append(_row(shot, path.parent))
        save_picture(arranged(rows, COLUMNS), path)
        print(f"{options.out}: {len(prompts)} prompts, seed {options.seed}", file=output, flush=True)


def _prompts(path: Path | None) -> list[str]:
    if path is None:
        return list(PROMPTS)
    try:
        found = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise UnderstudyError(f"The prompts {path} cannot be read ({error}).") from error
    if not found:
        raise UnderstudyError(f"{path} holds no prompt: write one a line.")
    return found


def _row(shot: Shot, folder: Path) -> np.ndarray:
    """The prompt above its poses: pixels (H, W, 4), bottom row first."""
    scene = keyed_scene(shot, lambda _progress: None)
    stage = Stage(bpy.context.scene, scene.armature, scene.frames)
    poses = stage.poses(POSES, POSE_SIZE, folder)
    return np.concatenate((poses, stage.title(shot.text, (poses.shape[1], TITLE_HEIGHT), folder)), axis=0)


def arranged(rows: list[np.ndarray], columns: int) -> np.ndarray:
    """Pictures (H, W, 4) of one size below and then beside each other, white (1.0) where there are no more."""
    deep = -(-len(rows) // columns)
    filled = rows + [np.ones_like(rows[0])] * (deep * columns - len(rows))
    # Bottom row first: the first picture comes last
    stacked = [np.concatenate(filled[column * deep : (column + 1) * deep][::-1], axis=0) for column in range(columns)]
    return np.concatenate(stacked, axis=1)


if __name__ == "__main__":
    end_process(main(sys.argv[1:]))
