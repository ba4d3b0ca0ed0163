"""Which files of what the animator downloaded may hold weights: single ones, folders of them, and zips, which are never unpacked.

A zip is not trusted: its names are only shown, and no more of it is read than trained weights would need.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ..contract import WeightsError
from ..weights_manifest import file_sha256
from .shown import shown

WEIGHT_ENDINGS = (".tar", ".pth", ".pt", ".bin", ".ckpt", ".safetensors")
STATISTICS_ENDING = ".npy"
OPTIONS_NAME = "opt.txt"
_ENDINGS = (*WEIGHT_ENDINGS, STATISTICS_ENDING)
MOST_FILES = 10_000
LARGEST_MEMBER = 2 << 30  # bytes; the largest published file, DEEPTalk.pth, has 1.1 GB
_MOST_OF_A_ZIP = 6 << 30
_HIGHEST_RATIO = 50  # trained weights shrink by a tenth, and statistics are small
_FREE_OF_RATIO = 1 << 20
_LONGEST_PLACE = 400
_TORCH_RECORDS = ("data.pkl", "constants.pkl")


@dataclass(frozen=True)
class Download:
    """One file, on the disk or inside a zip. place: how it is shown, with the names of the folders that it lay in.

    known_as: the same for others, without folders that the animator did not name.
    """

    place: str
    path: Path
    known_as: str
    member: str = ""

    @property
    def ending(self) -> str:
        return PurePosixPath(self.place).suffix.lower()

    @property
    def is_options(self) -> bool:
        """What a network was trained with, in words."""
        return PurePosixPath(self.place).name.lower() == OPTIONS_NAME

    @property
    def may_hold_weights(self) -> bool:
        return self.ending != STATISTICS_ENDING and not self.is_options

    @property
    def folder(self) -> str:
        """The place of its folder."""
        return str(PurePosixPath(self.place).parent)

    def read(self) -> bytes:
        """All of it. Raises WeightsError where it cannot be read or does not have its check sum."""
        try:
            if not self.member:
                return self.path.read_bytes()
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(self.member)
        except Exception as error:  # those of zlib, lzma and zipfile have no common root
            raise WeightsError(f"{self.place} cannot be read ({shown(error)}): it was cut off or changed, so download it again.") from error

    def sha256(self) -> str:
        return hashlib.sha256(self.read()).hexdigest() if self.member else file_sha256(self.path)


def find_downloads(paths: list[Path]) -> list[Download]:
    """Every file below these paths that may hold weights. Raises WeightsError for a path that is not there and for a zip that lies."""
    found = [download for path in paths for download in _below(path)]
    if len(found) > MOST_FILES:
        raise WeightsError(f"There are {len(found):,} files below these paths: name only those of the model.")
    return list({(each.path.resolve(), each.member): each for each in found}.values())


def is_zip(head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def _below(path: Path) -> Iterator[Download]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if (_is_wanted(file.name) or file.suffix.lower() == ".zip") and file.is_file())
        for file in files:
            place = str(PurePosixPath(path.absolute().name, *file.relative_to(path).parts))
            yield from _of_file(file, place, place)
    elif path.is_file():
        # With its folders, because these tell which set it is from and whose mean it is
        yield from _of_file(path, str(PurePosixPath(*path.absolute().parts[1:][-3:])), path.name)
    else:
        raise WeightsError(f"There is no file or folder {path}: look at the path.")


def _is_wanted(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in _ENDINGS or name.lower() == OPTIONS_NAME


def _of_file(path: Path, place: str, known_as: str) -> Iterator[Download]:
    try:
        with path.open("rb") as file:
            if not is_zip(file.read(4)) or _is_torch_file(file, place):
                yield Download(shown(place, _LONGEST_PLACE), path, shown(known_as, _LONGEST_PLACE))
                return
            members = list(_members(file, place))
    except OSError as error:
        raise WeightsError(f"{place} cannot be read ({error.strerror}): look at its permissions.") from error
    for member in members:
        yield Download(shown(f"{place}/{member}", _LONGEST_PLACE), path, shown(f"{known_as}/{member}", _LONGEST_PLACE), member)


def _is_torch_file(file: BinaryIO, place: str) -> bool:
    """torch.save and TorchScript write zips, too."""
    return any(PurePosixPath(name).name in _TORCH_RECORDS for name in _open(file, place).namelist())


def _open(file: BinaryIO, place: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise WeightsError(
            f"{place} is not a whole zip ({shown(error)}): the download was cut off or changed, so download it again."
        ) from error


def _members(file: BinaryIO, place: str) -> Iterator[str]:
    """Names of the members that may hold weights. Raises WeightsError where the zip asks for what no download needs."""
    entries = _open(file, place).infolist()
    packed = sum(entry.compress_size for entry in entries)
    if len(entries) > MOST_FILES or packed > file.seek(0, 2):
        raise WeightsError(f"{place} claims {len(entries):,} files of {packed:,} bytes packed, more than it has: it was made to do harm.")
    wanted = [entry for entry in entries if _is_wanted(PurePosixPath(entry.filename).name) and not entry.is_dir()]
    for entry in entries:
        _check_name(entry, place)
        if entry.filename.lower().endswith(".zip"):
            raise WeightsError(f"{place} holds another zip, {shown(entry.filename)}: unpack it and name the folder.")
    for entry in wanted:
        _check_size(entry, place)
    if sum(entry.file_size for entry in wanted) > _MOST_OF_A_ZIP:
        raise WeightsError(f"{place} unpacks to more than {_MOST_OF_A_ZIP / 1e9:.0f} GB: unpack it and name the files of one model.")
    yield from (entry.filename for entry in wanted if not PurePosixPath(entry.filename).name.startswith("._"))


def _check_name(entry: zipfile.ZipInfo, place: str) -> None:
    name = PurePosixPath(entry.filename.replace("\\", "/"))
    leaves = name.is_absolute() or ".." in name.parts or ":" in "".join(name.parts[:1])
    if leaves or stat.S_ISLNK(entry.external_attr >> 16):
        raise WeightsError(
            f"{place} holds {shown(entry.filename, 80)}, which leads out of it: it was made to do harm, nothing of it was used."
        )


def _check_size(entry: zipfile.ZipInfo, place: str) -> None:
    size, packed = entry.file_size, max(entry.compress_size, 1)
    if size > LARGEST_MEMBER or (size > _FREE_OF_RATIO and size > _HIGHEST_RATIO * packed):
        raise WeightsError(
            f"{place}/{shown(entry.filename)} unpacks from {packed:,} to {size:,} bytes, which no trained weights do:"
            " nothing of it was used."
        )
    if entry.flag_bits & 1:
        raise WeightsError(f"{place}/{shown(entry.filename)} needs a password: unpack it and name the folder.")
