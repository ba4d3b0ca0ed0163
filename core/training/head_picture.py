"""Pictures of a head out of numpy alone, so that a bake or a motion can be looked at where there is no Blender.

Run: python -m core.training.head_picture weights/default_head/default_head.npz weights/default_head/sheet.jpg
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..contract.head import FLAME_JOINTS, HeadModel, posed, read_head
from .pictures import new_figure
from .two_paths import run

Picture = NDArray[np.float32]

COLOURS = {
    "skin": (0.80, 0.66, 0.58), "eye": (0.93, 0.93, 0.91), "teeth": (0.92, 0.90, 0.82), "tongue": (0.68, 0.30, 0.28),
    "iris": (0.22, 0.38, 0.46), "pupil": (0.02, 0.02, 0.02),
}  # fmt: skip
SHEET = {
    "neutral": {}, "jawOpen": {"jawOpen": 1.0}, "mouthSmile": {"mouthSmile": 1.0}, "mouthPucker": {"mouthPucker": 1.0},
    "eyeBlink": {"eyeBlink": 1.0}, "browInnerUp": {"browInnerUp": 1.0},
}  # fmt: skip
SHEET_VIEWS = (0.0, 40.0)  # degrees from the front towards the face's left
JAW_DEGREES = 24.4  # about the same opening as jawOpen, by the joint
_LIGHT = np.array([0.35, 0.5, 0.8]) / np.linalg.norm([0.35, 0.5, 0.8])
_AMBIENT = 0.25
_HEIGHT, _WIDTH, _FINER = 360, 300, 2
_INCHES_PER_PICTURE = 2.2


def draw_sheet(head: HeadModel, path: Path) -> None:
    """The expressions of SHEET and the jaw joint, each from two sides. Raises BadRequest where matplotlib is missing."""
    frames = {name: posed(head, expression_of(head, shapes), np.zeros((1, 5, 3)))[0] for name, shapes in SHEET.items()}
    rotations = np.zeros((1, len(FLAME_JOINTS), 3))
    rotations[0, FLAME_JOINTS.index("jaw"), 0] = np.radians(JAW_DEGREES)
    frames[f"jaw joint {JAW_DEGREES:g}°"] = posed(head, expression_of(head, {}), rotations)[0]
    figure = new_figure(_INCHES_PER_PICTURE * len(frames), _INCHES_PER_PICTURE * len(SHEET_VIEWS) * _HEIGHT / _WIDTH, "constrained")
    for row, degrees in zip(figure.subplots(len(SHEET_VIEWS), len(frames)), SHEET_VIEWS, strict=True):
        for axes, (name, vertices) in zip(row, frames.items(), strict=True):
            axes.imshow(picture(head, vertices, degrees))
            axes.set_title(name, fontsize=9)
            axes.axis("off")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def expression_of(head: HeadModel, shapes: dict[str, float]) -> Picture:
    """Coefficients (1, E) by name; a name that has a Left and a Right stands for both. Raises KeyError for an unknown one."""
    expression = np.zeros((1, len(head.expression_names)), np.float32)
    for name, value in shapes.items():
        columns = [number for number, known in enumerate(head.expression_names) if known in (name, f"{name}Left", f"{name}Right")]
        if not columns:
            raise KeyError(name)
        expression[0, columns] = value
    return expression


def picture(head: HeadModel, vertices: Picture, degrees: float = 0.0, height: int = _HEIGHT, width: int = _WIDTH) -> Picture:
    """Pixels (height, width, 3) in 0..1 of vertices (V, 3), in parallel perspective, on white; framed as the head at rest."""
    corners = head.faces if head.faces.shape[1] == 3 else np.concatenate([head.faces[:, :3], head.faces[:, [0, 2, 3]]])
    material = np.concatenate([head.material] * (len(corners) // len(head.faces)))
    colours = np.array([COLOURS[name] for name in head.material_names])[material]
    seen = vertices @ _turned(degrees)
    normals = _vertex_normals(seen, corners)
    # The light goes round with whoever looks
    shade = _AMBIENT + (1 - _AMBIENT) * np.clip(normals @ _LIGHT, 0, 1)
    fine = (_FINER * height, _FINER * width)
    rows, columns = _pixels(seen, head.template, fine)
    pixels = _drawn(np.stack([columns, rows], axis=1), seen[:, 2], corners, shade, colours, fine)
    return pixels.reshape(height, _FINER, width, _FINER, 3).mean(axis=(1, 3)).astype(np.float32)


def _turned(degrees: float) -> NDArray[np.float64]:
    """Columns: what is to the right, up and towards whoever stands so many degrees to the face's left."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def _vertex_normals(vertices: Picture, corners: NDArray[np.int32]) -> Picture:
    a, b, c = (vertices[corners[:, corner]] for corner in range(3))
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, corners[:, corner], np.cross(b - a, c - a))
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _pixels(seen: Picture, template: Picture, size: tuple[int, int]) -> tuple[Picture, Picture]:
    low, high = template[:, 1].min(), template[:, 1].max()
    scale = 0.94 * size[0] / (high - low)
    return size[0] / 2 - scale * (seen[:, 1] - (low + high) / 2), size[1] / 2 + scale * seen[:, 0]


def _drawn(
    places: Picture, depth: Picture, corners: NDArray[np.int32], shade: Picture, colours: Picture, size: tuple[int, int]
) -> NDArray[np.float64]:
    """Every triangle into a buffer that keeps what is nearest; back faces and what lies outside are left out."""
    triangles = places[corners]
    sides = triangles[:, 1:] - triangles[:, :1]
    inside = ((triangles >= 0) & (triangles <= size[::-1])).all(axis=(1, 2))
    facing = inside & (np.linalg.det(sides) < -1e-9)
    pixels, nearest = np.ones((*size, 3)), np.full(size, -np.inf)
    inverses = np.linalg.inv(sides[facing])
    for corner, inverse, triangle, colour in zip(corners[facing], inverses, triangles[facing], colours[facing], strict=True):
        (left, top), (right, bottom) = triangle.min(axis=0).astype(int), triangle.max(axis=0).astype(int) + 1
        x, y = np.arange(left, right) + 0.5 - triangle[0, 0], np.arange(top, bottom)[:, None] + 0.5 - triangle[0, 1]
        second, third = x * inverse[0, 0] + y * inverse[1, 0], x * inverse[0, 1] + y * inverse[1, 1]
        first = 1 - second - third
        window = (slice(top, bottom), slice(left, right))
        at = first * depth[corner[0]] + second * depth[corner[1]] + third * depth[corner[2]]
        front = (first >= 0) & (second >= 0) & (third >= 0) & (at > nearest[window])
        light = first * shade[corner[0]] + second * shade[corner[1]] + third * shade[corner[2]]
        nearest[window][front] = at[front]
        pixels[window][front] = light[front, None] * colour
    return pixels


def main(argv: list[str]) -> int:
    """Command line: HEAD OUT. Returns the exit status."""
    return run(argv, "head_picture", "HEAD OUT", lambda head, out: draw_sheet(read_head(head), out))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
