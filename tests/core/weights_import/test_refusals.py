"""Is everything that is not whole, not published or not harmless refused with a reason, and does nothing of it remain?"""

from __future__ import annotations

import io
import os
import pickle
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from understudy.core.contract import WeightsError
from understudy.core.weights_import import downloads, writing
from understudy.core.weights_import.importing import Imported
from understudy.tests.core.weights_import.published_files import (
    CLIP,
    DATA_SET_STD,
    FLOW,
    LENGTH,
    MASK,
    MEAN,
    RES,
    RESIDUAL,
    RVQ,
    STD,
    TOKENIZER,
    TOKENS,
    Published,
    statistics,
)

Importer = Callable[..., Imported]
Refused = Callable[..., str]


@pytest.fixture
def refused(run_import: Importer, models: Path, published: Published) -> Refused:
    """The sentence of a refused import, which names these things, says what to do and leaves nothing behind."""

    def run(*named: str, paths: tuple[Path, ...] = ()) -> str:
        with pytest.raises(WeightsError) as caught:
            run_import(*(paths or (published.folder,)))
        text = str(caught.value)
        assert text.endswith(".") and "\n" not in text and len(text) < 700, text
        assert [name for name in named if name not in text] == [], text
        assert not models.exists() or not any(models.iterdir())
        return text

    return run


class Harmful:
    """Unpickled, it makes a file."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.witness),)


@pytest.mark.parametrize("file", [TOKENIZER, TOKENS, FLOW, LENGTH])
@pytest.mark.parametrize("new_format", [True, False])
def test_a_pickle_that_runs_code(file: str, new_format: bool, published: Published, refused: Refused, tmp_path: Path) -> None:
    published.write_all()
    witness = tmp_path / "harm"
    content = {"vq_model": published.parts["tokenizer"], "hook": Harmful(witness)}
    torch.save(content, published.folder / file, _use_new_zipfile_serialization=new_format)
    refused(f"humanml3d/{file}", "mkdir", "Nothing of it was used")
    (published.folder / file).write_bytes(pickle.dumps(content, protocol=2))
    refused(f"humanml3d/{file}")
    assert not witness.exists()


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None], compression: int = zipfile.ZIP_STORED) -> None:
    """The zip with other contents; None leaves a member out."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            if (new := change(name, data)) is not None:
                archive.writestr(name, new)


def test_a_script_archive_that_asks_for_a_program(published: Published, refused: Refused, tmp_path: Path) -> None:
    published.write_all()
    witness = tmp_path / "harm"
    rewritten(
        published.folder / CLIP, lambda name, data: pickle.dumps(Harmful(witness), protocol=2) if name.endswith("/data.pkl") else data
    )
    refused(CLIP, "mkdir", "Nothing of it was used")
    assert not witness.exists()


HOSTILE_PICKLES = {
    "calls eval": b"\x80\x02c__builtin__\neval\nX\x01\x00\x00\x001\x85R.",
    "reaches a function through a module": b"\x80\x02ctorch.jit._pickle\nos.system\nX\x02\x00\x00\x00ls\x85R.",
    "loads torch's own loader": b"\x80\x02ctorch\nload\nX\x01\x00\x00\x00x\x85R.",
    "claims a memo of four thousand million objects": b"\x80\x02}r\xff\xff\xff\xff.",
    "announces bytes by the terabyte": b"\x80\x05\x96\x00\x00\x00\x00\x00\x01\x00\x00.",
    "is empty": b"",
    "never stops": b"\x80\x02" + b"(" * 1000,
    "builds on a function": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x08\x00\x00\x00__code__K\x01sb.",
    "names a storage of its own": b"\x80\x02(X\x07\x00\x00\x00storageX\x01\x00\x00\x00aX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ.",
    "is no module": b"\x80\x02K\x01.",
    "holds itself": b"\x80\x02c__torch__\nA\nq\x00)\x81q\x01}X\x01\x00\x00\x00ah\x01sb.",
    "states a module by a number": b"\x80\x02c__torch__\nA\n)\x81K\x01b.",
}  # fmt: skip


@pytest.mark.parametrize("pickled", HOSTILE_PICKLES.values(), ids=HOSTILE_PICKLES)
def test_a_script_archive_whose_pickle(pickled: bytes, published: Published, refused: Refused) -> None:
    published.write_all()
    rewritten(published.folder / CLIP, lambda name, data: pickled if name.endswith("/data.pkl") else data)
    refused("CLIP" if pickled in (HOSTILE_PICKLES["is no module"],) else CLIP)


def test_a_script_archive_with_a_storage_that_is_too_short(published: Published, refused: Refused) -> None:
    published.write_all()
    rewritten(published.folder / CLIP, lambda name, data: data[:-2] if "/data/" in name else data)
    refused(CLIP, "a storage has")


def test_a_zip_that_grows_a_thousandfold(published: Published, refused: Refused) -> None:
    published.write_all()
    with zipfile.ZipFile(published.folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t2m/latest.tar", bytes(8 << 20))
    refused("bomb.zip/t2m/latest.tar", "8,388,608 bytes", "no trained weights")


def test_a_member_larger_than_any_weights(published: Published, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    published.write_momask()
    monkeypatch.setattr(downloads, "LARGEST_MEMBER", 10_000)
    refused("models.zip", "no trained weights", paths=(published.zipped("models.zip"),))


def test_weights_that_are_packed_inside(published: Published, refused: Refused) -> None:
    published.write_all()
    rewritten(published.folder / FLOW, lambda _, data: bytes(len(data) * 50), zipfile.ZIP_DEFLATED)
    refused(FLOW, "packed")


def test_a_zip_with_overlapping_members(published: Published, refused: Refused) -> None:
    """Many entries that share the same packed bytes unpack to far more than the file has."""
    path = published.folder / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.tar", os.urandom(4000))
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(50):
            entry = zipfile.ZipInfo(f"{number}.tar")
            entry.header_offset, entry.compress_size, entry.file_size, entry.CRC = 0, 4000, 4000, archive.filelist[0].CRC
            archive.filelist.append(entry)
        archive._didModify = True  # type: ignore[attr-defined]
    refused("many.zip", "made to do harm")


@pytest.mark.parametrize(
    "name", ["../escape.tar", "/etc/escape.tar", "a/../../escape.tar", "C:\\escape.tar", "..\\escape.tar", "a/../b.tar"]
)
def test_a_zip_whose_names_lead_out_of_it(name: str, published: Published, refused: Refused, tmp_path: Path) -> None:
    published.write_momask()
    path = published.zipped("models.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"harm")
    refused("models.zip", "leads out of it", paths=(path,))
    assert not list(tmp_path.rglob("escape*"))


def test_names_that_would_draw_on_the_terminal_are_shown_without_it(published: Published, refused: Refused) -> None:
    published.write_momask()
    path = published.zipped("models.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("\x1b[2J\n" + "x" * 2000 + ".tar", b"harm")
    assert refused("models.zip/?[2J x", paths=(path,)).isprintable()


def test_a_zip_with_a_link(published: Published, refused: Refused) -> None:
    published.write_momask()
    path = published.zipped("models.zip")
    link = zipfile.ZipInfo("link.tar")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    refused("models.zip", "leads out of it", paths=(path,))


def test_a_zip_in_a_zip(published: Published, refused: Refused) -> None:
    published.write_momask()
    inner = published.zipped("models.zip")
    outer = published.folder / "drive.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(inner, "models.zip")
    refused("drive.zip", "another zip", "unpack it")


@pytest.mark.parametrize("left", [0, 1, 10, 300, 5000, 0.5, -1])
@pytest.mark.parametrize("file", [TOKENIZER, FLOW, CLIP, MEAN])
def test_a_download_that_was_cut_off(file: str, left: float, published: Published, refused: Refused) -> None:
    published.write_all()
    path = published.folder / file
    content = path.read_bytes()
    path.write_bytes(content[: min(int(left * len(content)) if isinstance(left, float) else left, len(content) - 1)])
    refused(Path(file).name)


@pytest.mark.parametrize("left", [10, 3000, 0.5, 0.99])
def test_a_zip_that_was_cut_off(left: float, published: Published, refused: Refused) -> None:
    published.write_momask()
    path = published.zipped("humanml3d_models.zip")
    content = path.read_bytes()
    path.write_bytes(content[: int(left * len(content)) if isinstance(left, float) else left])
    refused("humanml3d_models.zip", "download it again", paths=(path,))


def test_a_zip_with_a_flipped_bit(published: Published, refused: Refused) -> None:
    published.write_momask()
    path = published.zipped("humanml3d_models.zip")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused("humanml3d_models.zip", "download it again", paths=(path,))


def test_web_pages_and_tar_archives_in_the_place_of_weights(published: Published, refused: Refused) -> None:
    published.write_all()
    (published.folder / FLOW).write_bytes(b"<!DOCTYPE html><html>Google Drive - Quota exceeded</html>")
    refused(FLOW, "web page", "Download it again")
    (published.folder / FLOW).unlink()
    with tarfile.open(published.folder / "all.tar", "w") as archive:
        archive.add(published.folder / MEAN, "mean.npy")
    refused("all.tar", "tar archive", "unpack it")


PARTS = [
    ("tokenizer", TOKENIZER, "vq_model"),
    ("tokens", TOKENS, "t2m_transformer"),
    ("residual", RESIDUAL, "res_transformer"),
    ("length", LENGTH, "estimator"),
    ("flow", FLOW, ""),
]


@pytest.mark.parametrize(("part", "file", "wrapper"), PARTS)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none(part: str, file: str, wrapper: str, value: float, published: Published, refused: Refused) -> None:
    published.write_all()
    state = {name: tensor.clone() for name, tensor in published.parts[part].items()}
    name = list(state)[2]
    state[name].view(-1)[1] = value
    published.save(file, {wrapper: state} if wrapper else state)
    refused(file, name, "not finite")


@pytest.mark.parametrize(("part", "file", "wrapper"), PARTS)
def test_missing_surplus_and_misshapen_tensors_are_named(
    part: str, file: str, wrapper: str, published: Published, refused: Refused
) -> None:
    published.write_all()
    state = dict(published.parts[part])
    missing, misshapen = list(state)[1], list(state)[3]
    del state[missing]
    state[misshapen] = torch.zeros(2, 3, 5)
    state["net.surprise" if part == "flow" else "surprise"] = torch.zeros(1)
    published.save(file, {wrapper: state} if wrapper else state)
    refused(file, f"{missing} is missing", f"{misshapen} is (2, 3, 5) instead of", "surprise is surplus", "Choose the published file")


def test_whole_numbers_in_the_place_of_weights(published: Published, refused: Refused) -> None:
    published.write_all()
    published.save(FLOW, {name: tensor.long() for name, tensor in published.parts["flow"].items()})
    refused(FLOW)


def test_a_tensor_that_claims_more_than_the_file_holds(published: Published, refused: Refused) -> None:
    published.write_all()
    published.save(FLOW, published.parts["flow"] | {"net.init_proj.weight": torch.zeros(1).expand(100_000, 100_000, 100)})
    refused(FLOW, "net.init_proj.weight", "more than it holds")


@pytest.mark.parametrize(("file", "missing"), [
    (TOKENIZER, "the RVQ-VAE"), (TOKENS, "the masked transformer"), (RESIDUAL, "the residual transformer"), (LENGTH, "the length estimator"),
    (FLOW, "the flow decoder"), (CLIP, "CLIP's text encoder"), (MEAN, "Mean and standard deviation"), (STD, "Mean and standard deviation"),
])  # fmt: skip
def test_a_file_that_is_missing_is_named_with_where_it_is_found(file: str, missing: str, published: Published, refused: Refused) -> None:
    published.write_all()
    (published.folder / file).unlink()
    refused(missing, Path(file).name)


def test_the_residual_transformer_in_the_place_of_the_masked_one(published: Published, refused: Refused) -> None:
    published.write_all()
    shutil.copy(published.folder / RESIDUAL, published.folder / TOKENS)
    refused("Missing: the masked transformer")
    published.save(TOKENS, {"t2m_transformer": published.with_positions("residual")})
    refused(TOKENS, "says that it is the masked transformer", "but holds the residual transformer")


def test_swapped_files_are_told_by_what_is_in_them(published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    tokens, residual = published.folder / TOKENS, published.folder / RESIDUAL
    third = tokens.rename(tokens.with_suffix(".x"))
    residual.rename(tokens)
    third.rename(residual)
    run_import(published.folder)
    assert (models / "discord-humanml3d" / "bundle.json").is_file()


def test_two_files_of_one_network(published: Published, refused: Refused, run_import: Importer) -> None:
    published.write_all()
    shutil.copy(published.folder / FLOW, published.folder / "copy.pth")
    other = {name: tensor + 1 for name, tensor in published.parts["flow"].items()}
    published.save("other.pth", other)
    refused("several files of the flow decoder", "other.pth", "Give only the one")
    (published.folder / "other.pth").unlink()
    assert run_import(published.folder).folders


def test_other_files_of_a_training_do_not_count_beside_the_published_one(published: Published, run_import: Importer) -> None:
    published.write_all()
    published.save(f"{RVQ}/model/latest.tar", {"vq_model": {name: tensor + 1 for name, tensor in published.parts["tokenizer"].items()}})
    done = run_import(published.folder)
    assert f"humanml3d/{TOKENIZER}" in done.used and done.left_out == (f"humanml3d/{RVQ}/model/latest.tar",)


def test_networks_of_two_sets(published: Published, make_published: Callable[[str], Published], refused: Refused) -> None:
    published.write_all()
    kit = make_published("kit")
    kit.write_all()
    shutil.copy(kit.folder / FLOW, published.folder / FLOW)
    refused(FLOW, "another set", "HumanML3D")


@pytest.mark.parametrize("folder", ["kit", f"{TOKENS.split('/')[0]}_k/model", "kit_models"])
def test_a_transformer_from_a_folder_of_another_set(folder: str, published: Published, refused: Refused) -> None:
    """Both sets have transformers of the same shapes, so that only their folders tell them apart."""
    published.write_all()
    (published.folder / folder).mkdir(parents=True)
    (published.folder / TOKENS).rename(published.folder / folder / "latest.tar")
    refused(f"{folder}/latest.tar", "another set")


@pytest.mark.parametrize("folder", [MASK, RES])
def test_a_transformer_whose_options_tell_another_set(folder: str, published: Published, refused: Refused) -> None:
    """Its folder is called as that of the right set."""
    published.write_all()
    published.write_options(folder, "kit")
    refused(f"{folder}/model/", "another set", "HumanML3D")


@pytest.mark.parametrize(
    "options", [b"", b"dataset_name", b"dataset_name: my_own\n", b"\xff\xfe\0", b"name: dataset_name: kit\n", b"x" * 100_000]
)
def test_options_that_tell_nothing_change_nothing(options: bytes, published: Published, run_import: Importer) -> None:
    published.write_all()
    (published.folder / MASK / "opt.txt").write_bytes(options)
    assert run_import(published.folder).left_out == ()


def test_options_count_more_than_the_name_of_a_folder(published: Published, run_import: Importer) -> None:
    """An animator may call a folder as they like."""
    published.write_all()
    renamed = published.folder / "kit"
    (published.folder / MASK).rename(renamed)
    assert f"humanml3d/kit/{TOKENS.split('/', 1)[1]}" in run_import(published.folder).used


def test_the_mean_and_deviation_of_the_data_set(published: Published, refused: Refused) -> None:
    published.write_all()
    for name, values in zip((MEAN, STD), statistics(published.layout, DATA_SET_STD), strict=True):
        published.write_array(name, values)
    refused(STD, "of the data set HumanML3D", "meta/mean.npy")


def test_the_tokenizers_own_mean_is_taken_where_the_data_sets_lies_beside_it(published: Published, run_import: Importer) -> None:
    published.write_all()
    for name, values in zip(("Mean.npy", "Std.npy"), statistics(published.layout, DATA_SET_STD), strict=True):
        published.write_array(name, values)
    done = run_import(published.folder)
    assert {f"humanml3d/{MEAN}", f"humanml3d/{STD}"} <= set(done.used)
    assert done.left_out == ("humanml3d/Mean.npy", "humanml3d/Std.npy")


def test_several_means_that_differ(published: Published, refused: Refused) -> None:
    published.write_all()
    mean, std = statistics(published.layout)
    for folder in ("one", "two"):
        published.write_array(f"{folder}/mean.npy", mean + (folder == "two"))
        published.write_array(f"{folder}/std.npy", std)
    for name in (MEAN, STD):
        (published.folder / name).unlink()
    refused("several means", "one", "two")


@pytest.mark.parametrize(("values", "reason"), [
    (np.full(263, np.nan), "not finite"), (np.zeros(263), "nothing can be divided by"), (np.zeros(251), "Mean and standard deviation (263"),
    (np.array([Harmful(Path("never"))] * 263, dtype=object), "not an array of numbers"), (np.arange(263), "not finite"),
])  # fmt: skip
def test_a_deviation_that_is_none(values: np.ndarray, reason: str, published: Published, refused: Refused) -> None:
    published.write_all()
    published.write_array(STD, values)
    refused(reason)
    assert not Path("never").exists()


def test_an_array_that_claims_to_be_huge(published: Published, refused: Refused) -> None:
    published.write_all()
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (10**13,)})
    (published.folder / STD).write_bytes(head.getvalue())
    refused(STD)


def test_a_path_that_is_not_there(tmp_path: Path, refused: Refused) -> None:
    refused("nowhere", "no file or folder", paths=(tmp_path / "nowhere",))


def test_a_folder_without_weights(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "empty").mkdir()
    refused("nothing of a model", "Missing: the RVQ-VAE", paths=(tmp_path / "empty",))


def test_a_file_of_something_else_is_named_where_something_is_missing(published: Published, refused: Refused) -> None:
    published.write_all()
    published.save(FLOW, {"movement_encoder": {"main.0.weight": torch.zeros(3)}, "epoch": 3})
    refused("Missing: the flow decoder", f"Nothing of one is in humanml3d/{FLOW}")


def test_a_full_disk(published: Published, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    published.write_all()
    monkeypatch.setattr(writing.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    refused("has room for 0 MB", "make room")


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_import_that_breaks_off_while_writing(
    fault: BaseException, published: Published, run_import: Importer, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.write_all()

    def broken(_: object) -> None:
        raise fault

    monkeypatch.setattr(writing.os, "fsync", broken)
    with pytest.raises(WeightsError if isinstance(fault, OSError) else KeyboardInterrupt):
        run_import(published.folder)
    assert not any(models.iterdir())


def test_a_refused_replacement_leaves_the_old_model(published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    run_import(published.folder)
    before = {path: path.read_bytes() for path in models.rglob("*") if path.is_file()}
    published.save(FLOW, {})
    with pytest.raises(WeightsError):
        run_import(published.folder, replaces=True)
    assert {path: path.read_bytes() for path in models.rglob("*") if path.is_file()} == before


def test_what_a_killed_import_left_is_cleared_away_a_day_later(published: Published, run_import: Importer, models: Path) -> None:
    published.write_all()
    for name, age in ((".import-old", 90_000), (".import-new", 60)):
        (models / name / "new").mkdir(parents=True)
        os.utime(models / name, (models.stat().st_mtime - age,) * 2)
    run_import(published.folder)
    assert sorted(path.name for path in models.iterdir()) == [".import-new", "clip-vit-b32", "discord-humanml3d"]
