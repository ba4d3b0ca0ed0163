"""Where imported and own models lie on this machine, for both sides of the door."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ENVIRONMENT_VARIABLE = "UNDERSTUDY_MODELS"


def user_models_folder() -> Path:
    """The user's folder of models, which may not exist yet: the environment's UNDERSTUDY_MODELS, or where this system keeps data."""
    if wish := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(wish).expanduser().absolute()
    return _data_folder() / "understudy" / "models"


def _data_folder() -> Path:
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
