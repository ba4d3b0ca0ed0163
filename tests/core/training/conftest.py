"""Small corpora that several tests look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.core.training.corpus import Corpus, build
from understudy.tests.core.training.small_corpora import quiet, write_captions, write_made_clips


@pytest.fixture(scope="session")
def made_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Four clips of five seconds and their mirror images, all for training."""
    folder = tmp_path_factory.mktemp("made")
    write_made_clips(folder / "clips")
    return build(None, folder / "clips", write_captions(folder / "captions.jsonl"), quiet)


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a user has it: the six sample files of CMU and Bandai Namco, and an AMC with its ASF."""
    from understudy.tests.core.training.sample_data import SAMPLES

    folder = tmp_path_factory.mktemp("samples")
    for path in SAMPLES.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "02_01.amc").rename(folder / "02_01_original.amc")
    return folder


@pytest.fixture(scope="session")
def sample_corpus(sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    captions = tmp_path_factory.mktemp("captions") / "captions.jsonl"
    captions.write_text(
        """{"clip": "02_01", "text": "a person walks"}
{"clip": "05_06", "text": "a dancer turns left", "start_s": 4.0, "end_s": 6.5}
{"clip": "05_06", "text": "a dancer leaps to the right", "start_s": 2.0, "end_s": 2.5}
{"clip": "dataset-2_wave-left-hand_feminine_002", "text": "She waves with her left hand."}
{"clip": "dataset-2_wave-left-hand_feminine_002", "text": "a woman raises the right hand", "mirrored": true}
{"clip": "dataset-1_kick_normal_001", "text": "kicks", "start_s": 1.0, "end_s": 99.0}
"""
    )
    return build(None, sample_folder, captions, quiet)
