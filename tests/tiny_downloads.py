"""Officially released files of a thousandth of their size. `PYTHON tests/tiny_downloads.py FOLDER` writes them with the engine's Python.

`PYTHON tests/tiny_downloads.py worker ...` is an engine that takes these for the published ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tiny_model import make_package_importable


def write_downloads(folder: Path) -> None:
    """Everything of HumanML3D's set, with CLIP beside it."""
    from understudy.tests.core.weights_import.published_files import HUMANML3D_SET, TINY, TINY_TEXT, Published, random_states

    folder.mkdir(parents=True)
    parts, clip = random_states(TINY.sets[0].networks, TINY_TEXT)
    Published(folder, HUMANML3D_SET.layout, parts, clip, TINY_TEXT).write_all()


def work(arguments: list[str]) -> int:
    """The core's command line, for which the tiny sizes are the published ones."""
    from understudy.core.__main__ import main
    from understudy.core.weights_import import importing
    from understudy.tests.core.weights_import.published_files import TINY

    importing.PublishedSizes = lambda: TINY  # type: ignore[misc, assignment]
    return main(arguments)


if __name__ == "__main__":
    make_package_importable()
    if sys.argv[1] == "worker":
        sys.exit(work(sys.argv[1:]))
    write_downloads(Path(sys.argv[1]))
