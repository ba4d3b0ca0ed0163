"""What animators do about the engine, its models and the extension itself. Runs inside Blender."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy
from animator import Animator, Steps
from habits import EXTENSION, arrive, current_job, generate, message, open_preferences, watched_set_up, with_a_character
from leftovers import hooked_functions, leftovers

MODEL = "discord-humanml3d"


def set_up_from_wheels(animator: Animator) -> Steps:
    """The engine set up inside Blender, without a network, from a folder of wheels."""
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    yield from arrive(animator, python="")
    animator.seen["state_before"] = animator.module("setting_up").found().state.name
    yield from animator.unfold("understudy.set_up_from_wheels", below="extensions.userpref_allow_online")
    yield from animator.press("understudy.set_up_from_wheels")
    yield from animator.choose_folder(Path(os.environ["UNDERSTUDY_GUI_WHEELS"]))
    yield from watched_set_up(animator, "set-up")


def set_up_online(animator: Animator) -> Steps:
    """Blender may not go online: it is asked for, allowed with one button, and the set-up fetches from an index in a folder."""
    os.environ["PIP_INDEX_URL"] = Path(os.environ["UNDERSTUDY_GUI_INDEX"]).as_uri()
    yield from arrive(animator, python="")
    setting_up = animator.module("setting_up")
    yield from animator.wait("what would be fetched", lambda: setting_up.look().offer)
    yield from animator.picture("asked")
    animator.seen |= {"online_before": bpy.app.online_access, "reason": setting_up.offline_reason(), "offer": setting_up.look().offer}
    yield from animator.press("extensions.userpref_allow_online")
    animator.seen["online"] = bpy.app.online_access
    yield from animator.press("understudy.set_up_engine")
    yield from watched_set_up(animator, "set-up")
    animator.seen["clicks"] = sum(entry["what"] == "click" for entry in animator.log)


def weights_imported(animator: Animator) -> Steps:
    """Downloaded weights become a model by the button in the preferences, and are taken away again."""
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    yield from arrive(animator, os.environ["UNDERSTUDY_GUI_TINY_ENGINE"])
    yield from open_preferences(animator, "ADDONS")
    bpy.ops.preferences.addon_expand(module=EXTENSION)
    yield 1.0
    yield from animator.picture("preferences")
    before = message(animator)
    yield from animator.press("understudy.import_weights", across=0.8)
    yield from animator.choose_folder(Path(os.environ["UNDERSTUDY_GUI_DOWNLOADS"]))
    yield from animator.wait("the weights are imported", lambda: _is_told_another(animator, before))
    yield from animator.picture("imported")
    models = animator.module("models")
    animator.seen["imported"] = {**message(animator), "models": [each.name for each in models.installed() if each.is_imported]}
    yield from animator.press("understudy.remove_model", across=0.99)
    yield 0.5
    yield from animator.picture("asked")
    before = message(animator)
    yield from animator.key("RET")
    yield from animator.wait("a model is removed", lambda: _is_told_another(animator, before))
    yield from animator.picture("removed")
    animator.seen["removed"] = {**message(animator), "models": [each.name for each in models.installed() if each.is_imported]}


def removed(animator: Animator) -> Steps:
    """The extension is switched off in the preferences, with its engine running, and then taken away."""
    yield from with_a_character(animator)
    bpy.ops.understudy.set_up_from_wheels(directory=os.environ["UNDERSTUDY_GUI_WHEELS"])
    setting_up = animator.module("setting_up")
    yield from animator.wait("an environment of its own", lambda: setting_up.state.run is None, patience_s=300)
    yield from generate(animator)
    root, pid = setting_up.engine_root(), animator.module("jobs").state.engine.pid
    hooked = hooked_functions()
    animator.seen["before"] = leftovers(hooked, pid, root)
    yield from open_preferences(animator, "ADDONS")
    yield from animator.press("preferences.addon_disable", across=0.036)
    yield 1.0
    yield from animator.picture("disabled")
    animator.seen["disabled"] = leftovers(hooked, pid, root)
    bpy.context.preferences.active_section = "EXTENSIONS"
    yield 1.0
    yield from animator.picture("extensions")
    _, y = yield from animator.find("extensions.package_show_set", across=0.03)
    _, region = animator.looked_at()
    yield from animator.click("the menu of the extension", region.x + region.width - 25, y)
    yield 1.0
    yield from animator.picture("menu")
    yield from animator.key("U")  # of Uninstall
    yield from animator.wait("the extension is gone", lambda: not root.exists(), patience_s=60)
    yield 1.0
    yield from animator.picture("removed")
    animator.seen["removed"] = leftovers(hooked, pid, root)


def _is_told_another(animator: Animator, before: dict[str, Any]) -> bool:
    """The work has ended, perhaps before anybody looked."""
    told = message(animator)
    return current_job(animator) is None and bool(told["message"]) and told != before
