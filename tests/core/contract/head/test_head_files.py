"""Is a head read whole from every kind of FLAME file, and everything else refused in words without running anything in it?"""

from __future__ import annotations

import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.contract import BadRequest
from understudy.core.contract.head import read_head
from understudy.tests.core.contract.head.flame_files import FACES, VERTICES, Fields, python_2_pickle, python_3_pickle, random_fields, write

WRITERS: dict[str, Callable[[Fields], bytes | Fields]] = {
    "2020": python_2_pickle,
    **{f"protocol {protocol}": lambda fields, protocol=protocol: python_3_pickle(fields, protocol) for protocol in range(6)},
    "npz": lambda fields: fields,
}


@pytest.fixture
def fields() -> Fields:
    return random_fields()


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """The sentence of a refusal, which names the file and these things and says what to do."""

    def run(content: bytes | Fields, *named: str, name: str = "generic_model.pkl") -> str:
        with pytest.raises(BadRequest) as caught:
            read_head(write(tmp_path, content, name))
        text = str(caught.value)
        assert text.startswith(name) and text.endswith(".") and "\n" not in text and text.isprintable() and len(text) < 400, text
        assert "download it again from" in text or "choose the FLAME model itself" in text
        assert [each for each in named if each not in text] == [], text
        return text

    return run


@pytest.mark.parametrize("written", WRITERS.values(), ids=WRITERS)
def test_every_array_is_read(written: Callable[[Fields], bytes | Fields], fields: Fields, tmp_path: Path) -> None:
    head = read_head(write(tmp_path, written(fields)))
    expected = {
        "template": fields["v_template"], "shapes": fields["shapedirs"][..., :300], "expressions": fields["shapedirs"][..., 300:],
        "correctives": fields["posedirs"], "joint_regressor": fields["J_regressor"], "weights": fields["weights"],
    }  # fmt: skip
    for name, array in expected.items():
        np.testing.assert_allclose(getattr(head, name), array, rtol=1e-6, err_msg=name)
        assert getattr(head, name).dtype == np.float32, name
    assert np.array_equal(head.faces, fields["f"]) and head.faces.dtype == np.int32
    assert head.expression_names[0] == "Exp1" and head.expression_names[-1] == "Exp100" and len(head.expression_names) == 100
    assert head.material.shape == (FACES,) and head.material_names == ("skin",)


def test_joints_are_the_regressor_times_the_template(fields: Fields, tmp_path: Path) -> None:
    head = read_head(write(tmp_path, fields))
    np.testing.assert_allclose(head.joints, fields["J_regressor"] @ fields["v_template"], atol=1e-7)


def test_another_identity_is_the_template_plus_its_directions(fields: Fields, tmp_path: Path) -> None:
    head = read_head(write(tmp_path, fields)).with_identity(np.array([2.0, -1.0]))
    expected = fields["v_template"] + 2 * fields["shapedirs"][..., 0] - fields["shapedirs"][..., 1]
    np.testing.assert_allclose(head.template, expected, atol=1e-7)


@pytest.mark.parametrize(("name", "with_chumpy", "space"), [
    ("generic_model.pkl", True, "flame-2020"), ("generic_model.pkl", False, "flame-2023-open"), ("my head.pkl", True, "flame-2020"),
    ("flame2023.pkl", False, "flame-2023"), ("flame2023.pkl", True, "flame-2023"), ("flame2023_Open.pkl", False, "flame-2023-open"),
    ("FLAME2023_OPEN.PKL", False, "flame-2023-open"),
])  # fmt: skip
def test_the_face_space_is_told_by_name_and_contents(name: str, with_chumpy: bool, space: str, fields: Fields, tmp_path: Path) -> None:
    content = python_2_pickle(fields) if with_chumpy else python_3_pickle(fields)
    assert read_head(write(tmp_path, content, name)).space == space
    assert read_head(write(tmp_path, content, name), "somebody knows better").space == "somebody knows better"


def test_a_head_of_ours_says_its_space_expressions_quads_and_materials(fields: Fields, tmp_path: Path) -> None:
    own = {
        "space": "arkit", "expression_names": ["jawOpen", "mouthClose"], "f": np.array([[0, 1, 2, 3], [1, 2, 3, 4]]),
        "material": np.array([0, 1], np.uint8), "material_names": ["skin", "eye"],
    }  # fmt: skip
    head = read_head(write(tmp_path, fields | own, "head.npz"))
    assert (head.space, head.expression_names, head.material_names) == ("arkit", ("jawOpen", "mouthClose"), ("skin", "eye"))
    assert head.expressions.shape == (VERTICES, 3, 2) and head.shapes.shape == (VERTICES, 3, 398)
    assert np.array_equal(head.faces, own["f"]) and head.material.tolist() == [0, 1]


class Harmful:
    """Unpickled, it makes a folder."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.witness),)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("field", ["v_template", "surplus"])
def test_a_pickle_that_runs_code(protocol: int, field: str, fields: Fields, refused: Callable[..., str], tmp_path: Path) -> None:
    witness = tmp_path / "harm"
    refused(pickle.dumps(fields | {field: Harmful(witness)}, protocol), "mkdir", "may run a program", "Nothing of it was run")
    assert not witness.exists()


def test_an_npz_that_runs_code(fields: Fields, refused: Callable[..., str], tmp_path: Path) -> None:
    witness = tmp_path / "harm"
    bomb = np.empty(1, object)
    bomb[0] = Harmful(witness)
    refused(fields | {"v_template": bomb}, name="head.npz")
    assert not witness.exists()


HOSTILE_PICKLES = {
    "calls eval": (b"\x80\x02c__builtin__\neval\nX\x01\x00\x00\x001\x85R.", "__builtin__.eval"),
    "hides behind numpy": (b"\x80\x02cnumpy.core.multiarray\nos.system\nX\x02\x00\x00\x00ls\x85R.", "os.system"),
    "uses numpy's own loader": (b"\x80\x02cnumpy\nload\nX\x01\x00\x00\x00x\x85R.", "numpy.load"),
    "imports": (b"\x80\x02c__builtin__\n__import__\nX\x02\x00\x00\x00os\x85R.", "__import__"),
    "has a name of control signs": (b"\x80\x02c\x1b[2Jos\nsystem\n.", "os.system"),
    "claims a memo of four thousand million objects": (b"\x80\x02}r\xff\xff\xff\xff.", "v_template"),
    "claims an array of a terabyte": (
        b"\x80\x02}X\x0a\x00\x00\x00v_templatecnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85"
        b"X\x01\x00\x00\x00b\x87Rs.", "v_template",
    ),
    "announces bytes by the terabyte": (b"\x80\x05\x96\x00\x00\x00\x00\x00\x01\x00\x00.", "cut off or no pickle"),
    "announces a text by the terabyte": (b"\x80\x05\x8d\x00\x00\x00\x00\x00\x01\x00\x00.", "cut off or no pickle"),
    "sets a state on a class": (b"\x80\x02cchumpy.ch\nCh\n}X\x05\x00\x00\x00arrayK\x01sb.", "cut off or no pickle"),
    "makes something of a number": (b"\x80\x02K\x05)R.", "cut off or no pickle"),
    "asks for a stored object": (b"\x80\x02K\x05Q.", "cut off or no pickle"),
    "holds itself": (b"\x80\x02}q\x00X\x0a\x00\x00\x00v_templatecchumpy.ch\nCh\n)\x81q\x01}X\x01\x00\x00\x00xh\x01sbs.", "v_template"),
    "is a list": (b"\x80\x02].", "holds a list"),
    "never stops": (b"\x80\x02" + b"(" * 1000, "cut off"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "named"), HOSTILE_PICKLES.values(), ids=HOSTILE_PICKLES)
def test_a_pickle_that(content: bytes, named: str, refused: Callable[..., str]) -> None:
    refused(content, named)


@pytest.mark.parametrize("written", [python_2_pickle, python_3_pickle], ids=["2020", "2023 Open"])
def test_a_pickle_cut_off_anywhere(written: Callable[[Fields], bytes], refused: Callable[..., str], fields: Fields) -> None:
    whole = written(fields)
    for length in [1, 2, 3, 50, *range(100, len(whole), len(whole) // 25), len(whole) - 1]:
        refused(whole[:length])


def test_an_npz_cut_off_anywhere(refused: Callable[..., str], fields: Fields, tmp_path: Path) -> None:
    whole = write(tmp_path, fields, "whole.npz").read_bytes()
    for length in range(4, len(whole), len(whole) // 25):
        refused(whole[:length], name="head.npz")


def test_a_pickle_with_flipped_bits_is_refused_or_read(fields: Fields, tmp_path: Path) -> None:
    whole = python_2_pickle(fields)
    dice, refusals = random.Random(0), 0
    heads = [at for at in range(len(whole)) if 32 <= whole[at] < 127][:600]  # most of the file is numbers, which may be any
    for _ in range(300):
        broken = bytearray(whole)
        broken[dice.choice(heads)] ^= 1 << dice.randrange(8)
        try:
            read_head(write(tmp_path, bytes(broken)))
        except BadRequest:
            refusals += 1
    assert refusals > 20


@pytest.mark.parametrize(("vertices", "joints", "what"), [
    (6890, 24, "SMPL body (6,890 vertices, 24 joints)"), (6890, 52, "SMPL body"), (10475, 55, "SMPL-X body"), (778, 16, "MANO hand"), (50, 24, "body"),
])  # fmt: skip
def test_a_model_of_something_else(vertices: int, joints: int, what: str, refused: Callable[..., str]) -> None:
    tree = np.stack([np.arange(joints) - 1, np.arange(joints)])
    other = {"v_template": np.zeros((vertices, 3)), "shapedirs": np.zeros((vertices, 3, 10)), "kintree_table": tree}
    refused(pickle.dumps(other, 2), what, "not a FLAME head", "generic_model.pkl", name="basicModel_f.pkl")


@pytest.mark.parametrize(
    "content",
    [b"", b"<!DOCTYPE html>", b"\x93NUMPY\x01\x00", b"v 0 0 0\nv 1 1 1\n", b"ply\nformat ascii", random.Random(0).randbytes(500)],
    ids=len,
)
def test_files_of_other_kinds(content: bytes, refused: Callable[..., str]) -> None:
    refused(content)


def test_other_files_of_flame(refused: Callable[..., str]) -> None:
    refused(pickle.dumps({"lips": np.arange(5), "face": np.arange(9)}, 2), "no v_template", name="FLAME_masks.pkl")


@pytest.mark.parametrize("field", ["v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f"])
def test_an_array_missing(field: str, fields: Fields, refused: Callable[..., str]) -> None:
    refused(fields | {field: None}, f"has no {field}", name="head.npz")


@pytest.mark.parametrize("field", ["v_template", "shapedirs", "posedirs", "J_regressor", "weights"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_not_finite(field: str, number: float, fields: Fields, refused: Callable[..., str]) -> None:
    fields[field].flat[7] = number
    refused(python_2_pickle(fields), "(1 of them)", field, "not finite")


@pytest.mark.parametrize(("field", "value", "named"), [
    ("v_template", np.zeros((VERTICES, 2)), "40 × 2 instead of any × 3"), ("v_template", np.zeros((0, 3)), "0 × 3"),
    ("v_template", np.zeros(3), "of 3 instead"), ("v_template", "a text", "no numbers in v_template"),
    ("shapedirs", np.zeros((VERTICES - 1, 3, 400)), "39 × 3 × 400 instead of 40 × 3 × any"), ("shapedirs", np.zeros((VERTICES, 3, 350)), "350 directions"),
    ("shapedirs", np.zeros((VERTICES, 3, 0)), "shapedirs"), ("posedirs", np.zeros((VERTICES, 3, 9)), "40 × 3 × 9 instead of 40 × 3 × 36"),
    ("J_regressor", np.zeros((24, VERTICES)), "J_regressor of 24 × 40"), ("weights", np.zeros((VERTICES, 4)), "weights of 40 × 4"),
    ("weights", np.full((VERTICES, 5), 0.1), "40 vertices whose weights do not sum to one"),
    ("kintree_table", np.array([[-1, 0, 0, 1, 1], range(5)]), "parents [0, 0, 1, 1]"), ("kintree_table", np.zeros((2, 4), int), "2 × 4"),
    ("kintree_table", np.zeros((2, 5)), "no numbers"), ("f", np.zeros((3, 5), int), "3 × 5 instead of any × 3"), ("f", np.zeros((3, 3)), "no numbers in f"),
    ("f", np.array([[0, 1, VERTICES]]), "up to 40 of 40"), ("f", np.array([[0, 1, -1]]), "do not exist"),
    ("expression_names", ["a", "a"], "not all different"), ("expression_names", [str(n) for n in range(401)], "401 expressions"),
    ("material", np.zeros(3, np.uint8), "material of 3"), ("material", np.ones(FACES, np.uint8), "material 1 and 1 names"),
])  # fmt: skip
def test_an_array_that_does_not_fit(field: str, value: Any, named: str, fields: Fields, refused: Callable[..., str]) -> None:
    refused(fields | {field: value}, named, name="head.npz")


def test_an_npz_that_would_fill_the_memory(refused: Callable[..., str], fields: Fields, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("understudy.core.contract.head.head_files.MAX_BYTES", 10_000)
    refused(fields, "damaged npz", name="head.npz")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing.pkl"):
        read_head(tmp_path / "nothing.pkl")
