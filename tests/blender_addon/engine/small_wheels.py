"""Wheels as small as they can be, under the names of what the engine needs: everything about a set-up is real but its size."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

CONTENTS = {
    "torch": "__version__ = '2.13.0+cpu'\nclass cuda:\n    is_available = staticmethod(lambda: False)\n",
    "numpy": "__version__ = '2.0.0'\n",
    "safetensors": "",
    "ftfy": "",
}
VERSIONS = {
    "torch": "2.13.0+cpu", "numpy": "2.0.0", "safetensors": "0.8.0", "ftfy": "6.3.1",
    "soundfile": "0.14.0", "soxr": "1.1.0", "sounddevice": "0.5.6",
}  # fmt: skip


def write_wheels(folder: Path, modules: int = 40, **changed: str) -> Path:
    """One wheel for every name; `changed` gives another version, or none for "". modules: files in each, which take their time."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, version in {**VERSIONS, **changed}.items():
        if version:
            write_wheel(folder, name, version, CONTENTS.get(name, ""), modules)
    return folder


def write_wheel(folder: Path, name: str, version: str, source: str = "", modules: int = 0) -> Path:
    files = {f"{name}/__init__.py": source, **{f"{name}/part_{number}.py": f"PART = {number}\n" for number in range(modules)}}
    info = f"{name}-{version}.dist-info"
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/RECORD"] = "".join(f"{path},sha256={_sum(text)},{len(text)}\n" for path, text in files.items()) + f"{info}/RECORD,,\n"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
    return path


def _sum(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
