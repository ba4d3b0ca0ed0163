"""Motions for tests, and where their joints are: forward kinematics with matrices, independent of the code under test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from understudy.core.contract import BodyMotion, Recipe

ROOT = Path(__file__).resolve().parents[3]
with np.load(ROOT / "weights" / "default_body" / "default_body.npz", allow_pickle=False) as _body:
    JOINTS = tuple(str(name) for name in _body["joint_names"][:22])
    PARENTS = tuple(int(parent) for parent in _body["parents"][:22])
    REST = _body["joints"][:22].astype(np.float64)
# rounded to 10 micrometres, as the core's skeleton is
OFFSETS = np.round([REST[joint] - REST[parent] if parent >= 0 else np.zeros(3) for joint, parent in enumerate(PARENTS)], 5)


def random_motion(
    frames: int = 30, fps: float = 20.0, seed: int = 0, angle: float = 1.0, offsets: np.ndarray = OFFSETS, recipe: Recipe | None = None
) -> BodyMotion:
    """Smooth wandering with joint angles of about `angle` radians; the recipe says `seed`."""
    random = np.random.default_rng(seed)
    vectors = _smooth(random, frames, (22, 3)) * angle
    translation = _smooth(random, frames, (3,)) + np.array((0.0, 0.9, 0.0))
    return motion_of(vectors, translation, fps, offsets, recipe or Recipe(text="wander about", seed=seed, model="test"))


def motion_of(
    vectors: np.ndarray, translation: np.ndarray, fps: float, offsets: np.ndarray = OFFSETS, recipe: Recipe | None = None
) -> BodyMotion:
    """The motion with rotation vectors (T, 22, 3)."""
    half = np.linalg.norm(vectors, axis=-1, keepdims=True) / 2
    return BodyMotion(
        translation=translation.astype(np.float32),
        rotations=np.concatenate((np.cos(half), 0.5 * np.sinc(half / np.pi) * vectors), axis=-1).astype(np.float32),
        contacts=np.zeros((len(vectors), 4), np.float32),
        joint_names=JOINTS,
        parents=PARENTS,
        offsets=offsets.astype(np.float32),
        fps=fps,
        recipe=recipe or Recipe(),
    )


def walk(seconds: float = 4.0, fps: float = 20.0) -> BodyMotion:
    """A simple walk: one metre a second, swinging legs and arms."""
    time = np.arange(int(seconds * fps) + 1) / fps
    swing = np.sin(2 * np.pi * time)
    vectors = np.zeros((len(time), 22, 3))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        knee = 0.5 * (1 - np.cos(2 * np.pi * time + (0.0 if sign > 0 else np.pi)))
        vectors[:, JOINTS.index(f"{side}_hip"), 0] = -0.5 * sign * swing - 0.2 * knee
        vectors[:, JOINTS.index(f"{side}_knee"), 0] = 0.9 * knee
        vectors[:, JOINTS.index(f"{side}_shoulder"), 2] = -1.25 * sign
        vectors[:, JOINTS.index(f"{side}_collar"), 1] = -0.2 * swing
        vectors[:, JOINTS.index(f"{side}_elbow"), 1] = -0.5 * sign
    vectors[:, JOINTS.index("spine3"), 1] = 0.15 * swing
    translation = np.column_stack((0.02 * np.sin(2 * np.pi * time), 0.92 + 0.02 * np.cos(4 * np.pi * time), time))
    return motion_of(vectors, translation, fps, recipe=Recipe(text="a person walks forward", seed=42, model="test"))


def joint_positions(motion: BodyMotion) -> np.ndarray:
    """Positions (T, 22, 3) of the joints, metres, Y up."""
    matrices = _matrices(motion.rotations.astype(np.float64))
    positions = [motion.translation.astype(np.float64)]
    turned = [matrices[:, 0]]
    for joint in range(1, len(motion.parents)):
        parent = motion.parents[joint]
        positions.append(positions[parent] + turned[parent] @ motion.offsets[joint].astype(np.float64))
        turned.append(turned[parent] @ matrices[:, joint])
    return np.stack(positions, axis=1)


def _matrices(q: np.ndarray) -> np.ndarray:
    w, x, y, z = np.moveaxis(q / np.linalg.norm(q, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def _smooth(random: np.random.Generator, frames: int, shape: tuple[int, ...]) -> np.ndarray:
    time = np.linspace(0, 1, frames).reshape(-1, *(1 for _ in shape))
    waves = [random.normal(size=shape) * np.sin(2 * np.pi * (k * time + random.uniform(size=shape))) for k in (0.5, 1, 2)]
    return sum(waves, np.zeros((frames, *shape))) / 2
