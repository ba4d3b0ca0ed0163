"""From a folder of recordings to a corpus: what is heard and what the teacher says lie frame by frame beside each other."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from understudy.core.face.whisper_encoder import OUTPUT_WIDTH, WhisperEncoder
from understudy.core.training.face import heard_components, prepare
from understudy.core.training.face.face_corpus import load
from understudy.core.training.face.prepare import SILENCE, Wanted

SECONDS = 3.0
PHONES = [["SIL", 0.0, 0.5], ["B", 0.5, 0.7], ["AA", 0.7, 1.4], ["M", 1.4, 1.6], ["IY", 1.6, 2.4], ["SIL", 2.4, SECONDS]]
FILES = {"kathleen": ["a00/one.flac", "a05/two.flac"], "emodb": ["03/x.flac", "12/y.flac"], "fixtures": ["z.flac"], "grid": ["g/a.flac", "g/b.flac"]}


class Ears(WhisperEncoder):
    """Hears loudness and little else, at once."""

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        loud = sound.unflatten(1, (-1, 640)).square().mean(-1, keepdim=True)
        return loud * torch.randn(OUTPUT_WIDTH) + 0.1 * torch.randn(1, loud.shape[1], OUTPUT_WIDTH)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for name, files in FILES.items():
        rows = [{"file": file, "speaker": "AC"[n] if name == "grid" else file[:2], "emotion": "anger", "text": "bam"} for n, file in enumerate(files)]
        german = {"B": "b", "AA": "a", "M": "m", "IY": "i"}
        phones = [[german.get(phone, phone) if name == "emodb" else phone, start, end] for phone, start, end in PHONES]
        place = tmp_path / name
        for file in files:
            (place / file).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(place / file, 0.1 * generator.standard_normal(int(SECONDS * 16_000)), 16_000)
        with (place / "utterances.csv").open("w", encoding="utf-8", newline="") as table:
            writer = csv.DictWriter(table, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows if name == "emodb" else [{**row, "emotion": ""} for row in rows])
        lines = [json.dumps({"file": file, "phones": phones}) for file in files]
        (place / "phones.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "grid" / "measures").mkdir()
    for file in FILES["grid"]:
        gaps = "\n".join(f"{0.05 + 0.05 * (n % 3)}" for n in range(75))
        (tmp_path / "grid" / "measures" / f"{Path(file).stem}.csv").write_text(f"lip_gap\n{gaps}", encoding="utf-8")
    return tmp_path


def test_what_is_heard_and_what_is_said_lie_beside_each_other(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard_components, "_EVERY", 1)
    told: list[int] = []
    prepare.prepare(Wanted(pack, tmp_path / "out", spoken=0, copies=1), Ears(), lambda _what, done, _total: told.append(done))
    corpus = load(tmp_path / "out")
    assert told == list(range(10))
    assert len(corpus.heard) == len(corpus.spoken.aperture) == corpus.clips[-1].stop
    assert all(before.stop == after.start for before, after in zip(corpus.clips, corpus.clips[1:], strict=False))
    splits = {clip.name: clip.split for clip in corpus.clips}
    assert splits == {
        "kathleen/a00/one.flac": "train", "kathleen/a05/two.flac": "validation", "emodb/03/x.flac": "train",
        "emodb/12/y.flac": "held out", "fixtures/z.flac": "train",
    }  # fmt: skip
    assert {clip.emotion for clip in corpus.clips if clip.pack == "emodb"} == {"angry"}


def test_lips_close_when_the_phone_is_heard_even_in_a_changed_voice(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard_components, "_EVERY", 1)
    prepare.prepare(Wanted(pack, tmp_path / "out", spoken=0, copies=1), Ears(), lambda *_: None)
    corpus = load(tmp_path / "out")
    for clip in corpus.clips:
        rate = SECONDS * 25 / (clip.frames - 2 * SILENCE)
        frame = clip.start + SILENCE + int(0.6 / rate * 25)
        assert corpus.spoken.aperture[frame - 1 : frame + 2].min() < 1e-4, clip.name
        assert corpus.spoken.shut[frame - 1 : frame + 2].max() > 0.9
