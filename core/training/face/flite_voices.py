"""Speech with exact phone times out of flite (Black and Lenzo 2001; Debian's package), as much as wanted and in three voices."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from ...contract import BadRequest
from .visemes import Phone

VOICES = ("slt", "rms", "awb")  # a woman, a man, a Scottish man


def speak(text: str, voice: str, out: Path, stretch: float = 1.0, pitch: float = 0.0) -> list[Phone]:
    """Writes a WAV of 16 kHz and gives its phones. stretch: of durations; pitch: Hz for the voice's mean, 0 for its own.

    Raises BadRequest where flite is missing or refuses.
    """
    if shutil.which("flite") is None:
        raise BadRequest("flite is missing: install it (Debian: apt-get install flite), or leave out the synthetic speech.")
    settings = ["--setf", f"duration_stretch={stretch:.3f}"] + (["--setf", f"int_f0_target_mean={pitch:.1f}"] if pitch else [])
    command = ["flite", "-voice", voice, *settings, "-psdur", "-t", text, "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BadRequest(f"flite could not speak {text[:40]!r}: {done.stderr.strip()[:200]}")
    return _phones(done.stdout)


def _phones(printed: str) -> list[Phone]:
    """`phone:end` pairs to phones with start and end; upper case, as ARPAbet."""
    phones: list[Phone] = []
    start = 0.0
    for pair in printed.split():
        name, colon, end = pair.rpartition(":")
        if colon:
            phones.append((name.upper(), start, float(end)))
            start = float(end)
    return phones
