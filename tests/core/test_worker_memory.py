"""Does a published model with everything loaded leave an animator's machine some memory, and is it given back?"""

from __future__ import annotations

import sys

import pytest

from understudy.core.contract import BadRequest
from understudy.core.worker_memory import measure_worker
from understudy.tests.core.weights_import.published_files import TINY, TINY_TEXT

TORCH_MB = 330  # what importing torch leaves, with some room; nothing of 180 million numbers


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux' process table")
def test_a_published_model_with_clip_stays_below_the_bar_and_is_given_back(clip_merges: object) -> None:
    memory = measure_worker(9.75)
    print(memory)
    assert memory.loaded < memory.highest < 1200
    assert memory.unloaded < TORCH_MB
    assert memory.loaded > 700, "the numbers of all networks take that much"


def test_what_the_worker_refuses_is_told(clip_merges: object) -> None:
    with pytest.raises(BadRequest, match="400 s cannot be made"):
        measure_worker(400, sizes=TINY.sets[0], text=TINY_TEXT)
