"""Set Up Engine, from the network or a folder of wheels; cancel, repair, remove, and the log.

Blender's timer drives it, and not a modal operator: minutes may pass, and one of those ends when another file is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy

from ...core.contract import Cancelled, UnderstudyError
from .. import jobs, setting_up
from ..engine.client import LAST_WAIT_S
from ..engine_runs import EngineSetUp, Removal, Run
from ..feedback import redraw, redraw_anew
from .answers import allowed, cancelled, complain

TIMER_SECONDS = 0.1
LOOK_SECONDS = 0.3
LOG_NAME = "Understudy Set-up Log"


class UNDERSTUDY_OT_set_up_engine(bpy.types.Operator):
    """Fetch PyTorch and what else the engine needs, once, into the extension's own folder; nothing is installed elsewhere"""

    bl_idname = "understudy.set_up_engine"
    bl_label = "Set Up Engine"
    bl_options = {"INTERNAL"}

    use_repair: bpy.props.BoolProperty(options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return "Make the engine's environment anew, from the start" if properties.use_repair else ""

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, jobs.busy() or setting_up.offline_reason())

    def execute(self, _context: bpy.types.Context) -> set[str]:
        return started(self, lambda: setting_up.new_set_up(is_afresh=self.use_repair))


class UNDERSTUDY_OT_set_up_from_wheels(bpy.types.Operator):
    """Set the engine up without a network, from a folder that holds the wheels of torch and of all that it needs"""

    bl_idname = "understudy.set_up_from_wheels"
    bl_label = "Set Up from Wheels"
    bl_options = {"INTERNAL"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, jobs.busy())

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        return started(self, lambda: setting_up.new_set_up(Path(bpy.path.abspath(self.directory))))


class UNDERSTUDY_OT_cancel_set_up(bpy.types.Operator):
    """Stop what is done to the engine. Of a set-up, what was fetched is kept, and the next one goes on from there"""

    bl_idname = "understudy.cancel_set_up"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, "" if setting_up.state.run is not None else "Nothing is under way")

    def execute(self, _context: bpy.types.Context) -> set[str]:
        assert setting_up.state.run is not None
        setting_up.state.run.cancel()
        return {"FINISHED"}


class UNDERSTUDY_OT_remove_engine(bpy.types.Operator):
    """Delete the engine's environment from the disk"""

    bl_idname = "understudy.remove_engine"
    bl_label = "Remove Engine"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return allowed(cls, jobs.busy())

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        title, message = "Remove the engine?", "Its environment is deleted from the disk. Models and scenes stay."
        return set(context.window_manager.invoke_confirm(self, event, title=title, message=message, confirm_text="Remove", icon="WARNING"))

    def execute(self, _context: bpy.types.Context) -> set[str]:
        jobs.stop_engine(LAST_WAIT_S)
        return started(self, lambda: Removal(setting_up.engine_root()))


class UNDERSTUDY_OT_show_set_up_log(bpy.types.Operator):
    """Put the end of the set-up's log into a text of this file"""

    bl_idname = "understudy.show_set_up_log"
    bl_label = "Show Set-up Log"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        text = bpy.data.texts.get(LOG_NAME) or bpy.data.texts.new(LOG_NAME)
        text.from_string("\n".join(setting_up.log_lines()) or "Nothing was set up yet.")
        self.report({"INFO"}, f"See the text “{LOG_NAME}” in a Text Editor")
        return {"FINISHED"}


def started(operator: bpy.types.Operator, begin: Callable[[], Run]) -> set[str]:
    """In background mode, where Blender has no timers, waits until it is done."""
    if reason := jobs.busy():  # it began while the file browser was open
        return cancelled(operator, reason, jobs.ENGINE)
    try:
        jobs.tell("")
        setting_up.state.run = begin()
        if bpy.app.background:
            setting_up.wait()
            operator.report({"INFO"}, _finish())
        else:
            bpy.app.timers.register(_tick, first_interval=TIMER_SECONDS, persistent=True)
    except UnderstudyError as error:
        _end(str(error), is_error=not isinstance(error, Cancelled))
        complain(operator, str(error))
        return {"CANCELLED"}
    return {"FINISHED"}


def _tick() -> float | None:
    """What Blender calls until it gives None."""
    run = setting_up.state.run
    if run is None:
        return None
    before = run.step, run.detail, int(run.factor * 200)
    try:
        if run.advance():
            _finish()
            return None
    except UnderstudyError as error:
        _end(str(error), is_error=not isinstance(error, Cancelled))
        return None
    if (run.step, run.detail, int(run.factor * 200)) != before:
        redraw(bpy.context.window_manager)
    return TIMER_SECONDS


def _finish() -> str:
    run = setting_up.state.run
    assert run is not None
    if isinstance(run, EngineSetUp):
        jobs.stop_engine()  # one that runs on an older environment
    _end(run.sentence, is_error=False)
    return run.sentence


def _end(message: str, is_error: bool) -> None:
    setting_up.state.run = None
    jobs.tell(message, is_error, jobs.ENGINE)
    setting_up.forget()
    redraw_anew(bpy.context.window_manager)


_CLASSES = (
    UNDERSTUDY_OT_set_up_engine, UNDERSTUDY_OT_set_up_from_wheels, UNDERSTUDY_OT_cancel_set_up, UNDERSTUDY_OT_remove_engine,
    UNDERSTUDY_OT_show_set_up_log,
)  # fmt: skip


def _look() -> float | None:
    """Finds out what would be fetched, so that it is said before anyone agrees."""
    if not setting_up.found().state.wants_set_up:
        return None
    if setting_up.look().machine is None:
        return LOOK_SECONDS
    redraw_anew(bpy.context.window_manager)
    return None


def register() -> None:
    if not bpy.app.background:
        bpy.app.timers.register(_look, first_interval=LOOK_SECONDS, persistent=True)
    for cls in _CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for timer in (_tick, _look):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
