"""What a developer asks first, as text for the clipboard: versions, machine, state, last lines of the logs; nothing personal."""

from __future__ import annotations

import getpass
import platform
import re
import tempfile
from pathlib import Path

import bpy

from ..core.contract import VERSION
from . import jobs, models, preferences, setting_up
from .engine_panel import card_memory_shown

_LOG_LINES = 40
# The part of a path that names somebody, in whatever system a log line comes from
_HOMES = re.compile(r"(?i)(/home/|/Users/|[A-Z]:[\\/]+Users[\\/]+)[^/\\\s'\":]+")


def report() -> str:
    """Of this session."""
    found, look, chosen = setting_up.found(), setting_up.state.look, preferences.current()
    engine, made = jobs.state.engine, found.environment
    name = models.wanted(chosen.model if chosen else "")
    model = models.known().get(name)
    lines = [
        f"Understudy {VERSION}, Blender {bpy.app.version_string}, Python {platform.python_version()}",
        f"{platform.platform()}, {platform.machine()}, {look.machine.title if look and look.machine else 'machine not looked at'}",
        f"Engine: {found.state.name}, {found.path or 'no Python'}, running: {engine is not None and engine.is_running}",
        f"Environment: {f'torch {made.torch}, Python {made.python}, {made.device or chr(45)}' if made else 'not ours'}",
        f"Device: {chosen.device if chosen else 'auto'}, memory {jobs.state.memory_mb:.0f} MB{card_memory_shown()}",
        f"Model: {f'{model.name}, {model.title}, {model.licence}' if model else name}",
        f"Last message: {jobs.state.message or '-'}",
        "", "Engine's log:", *(list(engine.log)[-_LOG_LINES:] if engine is not None else []),
        "", "Set-up's log:", *setting_up.log_lines()[-_LOG_LINES:],
    ]  # fmt: skip
    return without_personal_paths("\n".join(lines)) + "\n"


def without_personal_paths(text: str) -> str:
    """The user's folders, the open file's and the user's name are replaced by what they are."""
    places = [(tempfile.gettempdir(), "<temporary>"), (str(Path.home()), "~"), (bpy.utils.resource_path("USER"), "<profile>")]
    if bpy.data.filepath:
        places.append((str(Path(bpy.data.filepath).parent), "<file's folder>"))
    places += [(folder, "<models>") for folder in (_models_folder(),) if folder]
    for place, name in sorted(places, key=lambda each: -len(each[0])):
        if len(place) > 2:
            text = text.replace(place, name).replace(place.replace("\\", "/"), name)
    text = _HOMES.sub("~", text)
    return re.sub(rf"\b{re.escape(name)}\b", "<user>", text) if len(name := _user()) > 2 else text


def _models_folder() -> str:
    chosen = preferences.current()
    return bpy.path.abspath(chosen.models_folder).rstrip("/\\") if chosen and chosen.models_folder else ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
