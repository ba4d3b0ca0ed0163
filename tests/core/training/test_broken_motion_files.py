"""Files that cannot be used are refused with one sentence that names them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.training.motion_capture.acclaim import read_amc, read_asf
from understudy.core.training.motion_capture.bvh import read_bvh
from understudy.core.training.motion_capture.folder import read_motion_file
from understudy.core.training.motion_capture.source_clip import MotionFileError
from understudy.tests.core.training.made_skeletons import MIXAMO, Figure, little_motion
from understudy.tests.core.training.sample_data import SAMPLES, needs_data

WHOLE = Figure(MIXAMO).bvh(little_motion()[:3])
_LAST_NUMBER = re.compile(r"\S+\n$")

BROKEN_BVH: dict[str, Callable[[str], str | bytes]] = {
    "empty": lambda text: "",
    "a text": lambda text: "Dear animator,\nhere are the motions.\n",
    "binary": lambda text: bytes(range(256)) * 40,
    "a binary FBX": lambda text: b"Kaydara FBX Binary  \x00\x1a\x00" + bytes(400),
    "cut in the hierarchy": lambda text: text[: text.index("MOTION") // 2],
    "cut after MOTION": lambda text: text[: text.index("Frames")],
    "cut in the frames": lambda text: text[: text.index("Frame Time") + 400],
    "cut in the last line": lambda text: text.rsplit(" ", 3)[0],
    "without frames": lambda text: text[: text.index("Frame Time") + 22],
    "no frames announced": lambda text: text.replace("Frames: 3", "Frames: 0"),
    "more frames announced": lambda text: text.replace("Frames: 3", "Frames: 4"),
    "fewer frames announced": lambda text: text.replace("Frames: 3", "Frames: 2"),
    "a line too long": lambda text: text.rstrip("\n") + " 1.0\n",
    "a frame time of zero": lambda text: re.sub(r"Frame Time: \S+", "Frame Time: 0", text),
    "a negative frame time": lambda text: re.sub(r"Frame Time: \S+", "Frame Time: -0.033", text),
    "a frame time of words": lambda text: re.sub(r"Frame Time: \S+", "Frame Time: soon", text),
    "a frame time of half a number": lambda text: re.sub(r"Frame Time: \S+", "Frame Time: 3e-", text),
    "NaN": lambda text: _LAST_NUMBER.sub("nan\n", text),
    "infinity": lambda text: _LAST_NUMBER.sub("-inf\n", text),
    "a word among the numbers": lambda text: _LAST_NUMBER.sub("x1\n", text),
    "NaN in an offset": lambda text: re.sub(r"OFFSET \S+", "OFFSET nan", text, count=1),
    "a word in an offset": lambda text: re.sub(r"OFFSET \S+", "OFFSET left", text, count=1),
    "an offset of two numbers": lambda text: re.sub(r"OFFSET \S+ ", "OFFSET ", text, count=1),
    "an offset before any joint": lambda text: text.replace("HIERARCHY", "HIERARCHY OFFSET 0 0 0"),
    "no hierarchy": lambda text: text[text.index("MOTION") :],
    "no root": lambda text: "HIERARCHY\n" + text[text.index("MOTION") :],
    "two roots": lambda text: text.replace("JOINT", "ROOT", 1).replace("}\nMOTION", "}\n}\nMOTION"),
    "a brace too few": lambda text: text.replace("}\nMOTION", "MOTION"),
    "a brace too many": lambda text: text.replace("}\nMOTION", "}\n}\n}\nMOTION"),
    "unknown channels": lambda text: text.replace("Zrotation", "Zscale"),
    "channels that are not counted": lambda text: text.replace("CHANNELS 3", "CHANNELS three"),
    "channels beyond the end": lambda text: text.replace("CHANNELS 3", "CHANNELS 3000"),
    "no arms": lambda text: text.replace("Arm", "Wing"),
    "no length": lambda text: re.sub(r"OFFSET .*", "OFFSET 0 0 0", text),
}


def assert_one_sentence(error: MotionFileError, name: str) -> None:
    text = str(error)
    assert name in text
    assert text.endswith(".") and "\n" not in text and 20 < len(text) < 400, text
    assert "Traceback" not in text and "()" not in text, text


@pytest.mark.parametrize("damage", BROKEN_BVH.values(), ids=BROKEN_BVH.keys())
def test_a_damaged_bvh_is_refused(damage: Callable[[str], str | bytes], tmp_path: Path) -> None:
    path = tmp_path / "walk.bvh"
    content = damage(WHOLE)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(MotionFileError) as caught:
        read_motion_file(path)
    assert_one_sentence(caught.value, "walk")


def test_the_undamaged_bvh_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "walk.bvh"
    path.write_text(WHOLE)
    assert len(read_motion_file(path).rotations) == 3


@given(length=st.integers(0, len(WHOLE) - 2), line_end=st.booleans())
def test_a_bvh_cut_anywhere_never_fails_in_another_way(length: int, line_end: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.bvh"
    path.write_text(WHOLE[:length] + ("\n" if line_end else ""))
    try:
        frames = read_bvh(path).rotations
    except MotionFileError:
        return
    # Only a last number that lost some digits cannot be told
    assert len(frames) == 3 and length > len(WHOLE) - 12


@given(noise=st.binary(max_size=60), at=st.integers(0, len(WHOLE)))
def test_noise_in_a_bvh_never_fails_in_another_way(noise: bytes, at: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "noisy.bvh"
    path.write_bytes(WHOLE[:at].encode() + noise + WHOLE[at:].encode())
    try:
        read_motion_file(path)
    except MotionFileError as error:
        assert "\n" not in str(error)


def test_a_file_that_is_not_there_is_told() -> None:
    for read in (read_bvh, read_asf):
        with pytest.raises(MotionFileError, match="cannot be opened"):
            read(Path("/nowhere/walk.bvh"))


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MotionFileError, match="cannot be opened"):
        read_bvh(tmp_path)


def test_an_unknown_ending_is_told(tmp_path: Path) -> None:
    with pytest.raises(MotionFileError, match=r"walk\.fbx is neither"):
        read_motion_file(tmp_path / "walk.fbx")


BROKEN_ASF: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "no bones": lambda text: text.replace(":bonedata", ":bones"),
    "no hierarchy": lambda text: text[: text.index(":hierarchy")],
    "cut in the bones": lambda text: text[: text.index("ltibia") + 20],
    "cut in the hierarchy": lambda text: text[: text.rindex("end")],
    "a bone without direction": lambda text: text.replace("direction", "heading", 1),
    "a direction of words": lambda text: re.sub(r"direction \S+", "direction up", text, count=1),
    "a hierarchy with unknown bones": lambda text: text.replace("lowerback upperback", "lowerback tail"),
    "a hierarchy that begins in the air": lambda text: text.replace("root lhipjoint", "roof lhipjoint"),
    "a unit of zero": lambda text: text.replace("length 0.45", "length 0.0"),
}
BROKEN_AMC: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "only a header": lambda text: text[: text.index("\n1\n")],
    "an unknown bone": lambda text: text.replace("lfemur", "ltail", 1),
    "an angle too few": lambda text: re.sub(r"(lfemur \S+ \S+) \S+", r"\1", text, count=1),
    "an angle of words": lambda text: re.sub(r"lfemur \S+", "lfemur up", text, count=1),
    "NaN": lambda text: re.sub(r"lfemur \S+", "lfemur nan", text, count=1),
    "angles before the first frame": lambda text: text.replace("\n1\n", "\n", 1),
    "a cut last frame": lambda text: text[: text.rindex("lfemur")],
}


@needs_data
@pytest.mark.parametrize("damage", BROKEN_ASF.values(), ids=BROKEN_ASF.keys())
def test_a_damaged_asf_is_refused(damage: Callable[[str], str], tmp_path: Path) -> None:
    path = tmp_path / "02.asf"
    path.write_text(damage((SAMPLES / "02.asf").read_text()))
    with pytest.raises(MotionFileError) as caught:
        read_asf(path)
    assert_one_sentence(caught.value, "02.asf")


@needs_data
@pytest.mark.parametrize("damage", BROKEN_AMC.values(), ids=BROKEN_AMC.keys())
def test_a_damaged_amc_is_refused(damage: Callable[[str], str], tmp_path: Path) -> None:
    lines = (SAMPLES / "02_01.amc").read_text().splitlines(keepends=True)[:200]
    text = "".join(lines[: max(number for number, line in enumerate(lines) if line.strip().isdigit())])
    path = tmp_path / "02_01.amc"
    path.write_text(damage(text))
    with pytest.raises(MotionFileError) as caught:
        read_amc(path, read_asf(SAMPLES / "02.asf"))
    assert_one_sentence(caught.value, "02_01.amc")


def test_an_amc_without_its_skeleton_is_told(tmp_path: Path) -> None:
    (tmp_path / "02_01.amc").write_text("1\nroot 0 0 0 0 0 0\n")
    with pytest.raises(MotionFileError, match=r"02_01\.amc needs the \.asf"):
        read_motion_file(tmp_path / "02_01.amc")
