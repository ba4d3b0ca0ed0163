"""One downloaded file to the tensors in it, by names. Nothing in it is run: a pickle may ask for tensors and plain containers alone."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import BinaryIO

import torch
from safetensors.torch import load, load_file
from torch import Tensor

from ..contract import WeightsError
from .downloads import Download, is_zip
from .script_archive import is_script, read_script
from .shown import shown

Tree = Mapping[object, object]
_PICKLE = b"\x80"
_TAR, _TAR_AT = b"ustar", 257
_AGAIN = "Download it again from its authors' page"


def read_tree(download: Download) -> Tree:
    """What the file holds: tensors by name, or a mapping of such mappings beside numbers of the training.

    Tensors of files on the disk are mapped into memory, not read. Raises WeightsError for everything else, saying what the file is.
    """
    source: BinaryIO = download.path.open("rb") if not download.member else io.BytesIO(download.read())
    with source:
        try:
            tree = _read(download, source)
        except WeightsError:
            raise
        except Exception as error:  # a file that was made to do harm may break its reader anywhere
            raise WeightsError(_refusal(download, error)) from error
    if not isinstance(tree, Mapping):
        raise WeightsError(f"{download.place} holds a {type(tree).__name__} instead of named weights. {_AGAIN}.")
    return tree


def _read(download: Download, source: BinaryIO) -> object:
    head = source.read(_TAR_AT + len(_TAR))
    source.seek(0)
    if is_zip(head):
        return _read_zip(download, source)
    if head[8:9] == b"{":
        return load(source.read()) if download.member else load_file(download.path)
    if head.startswith(_PICKLE):
        return torch.load(source, map_location="cpu", weights_only=True)
    if head[_TAR_AT:] == _TAR:
        raise WeightsError(f"{download.place} is a tar archive of files: unpack it and name the folder.")
    raise WeightsError(f"{download.place} is not a weight file (it begins with {head[:8]!r}): it was cut off or is a web page. {_AGAIN}.")


def _read_zip(download: Download, source: BinaryIO) -> object:
    with zipfile.ZipFile(source) as archive:
        _check_records(archive, download.place, source.seek(0, 2))
        if is_script(archive):
            return read_script(archive)
    source.seek(0)
    return torch.load(source if download.member else download.path, map_location="cpu", weights_only=True, mmap=not download.member)


def _check_records(archive: zipfile.ZipFile, place: str, size: int) -> None:
    """Torch packs none but a script's source, so that another record which is packed, or larger than the file, is not torch's."""
    entries = [entry for entry in archive.infolist() if "code" not in PurePosixPath(entry.filename).parts[:2]]
    packed = [entry.filename for entry in entries if entry.compress_type != zipfile.ZIP_STORED]
    total = sum(entry.file_size for entry in entries)
    if packed or total > size:
        raise WeightsError(
            f"{place} holds {total:,} bytes in a file of {size:,}, {len(packed)} parts of it packed, which torch never writes. {_AGAIN}."
        )


def _refusal(download: Download, error: Exception) -> str:
    if wish := re.search(r"GLOBAL ([\w.]+)", str(error)):
        return (
            f"{download.place} asks for {shown(wish[1], 80)}, which may run a program on this machine; weights need only tensors."
            f" Nothing of it was used. {_AGAIN}, or leave it out."
        )
    reason = str(error).split("WeightsUnpickler error:")[-1]  # before it torch talks to programmers
    return f"{download.place} cannot be read as weights ({shown(reason)}): it was cut off or changed. {_AGAIN}."


def tensors_of(tree: Tree, place: str) -> dict[str, Tensor]:
    """The tensors of one mapping. Raises WeightsError for one that claims more numbers than the file holds of it."""
    found = {name: value for name, value in tree.items() if isinstance(name, str) and isinstance(value, Tensor)}
    for name, tensor in found.items():
        if tensor.is_sparse or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise WeightsError(f"{place} claims {tensor.numel():,} numbers for {shown(name, 80)}, more than it holds of it. {_AGAIN}.")
    return found
