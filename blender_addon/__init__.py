"""Everything that knows Blender. `register` puts the modules in, `unregister` takes them out in reverse."""

from . import batch, face_map, giving_back, jobs, panels, preferences, preferences_panel, setting_up, settings, warming
from .operators import after, character, diagnosis, engine, face, generate, recording, redo_range, set_up, speech, timed_job
from .operators import models as model_operators

_MODULES = (
    preferences_panel, preferences, settings, face_map, timed_job, character, generate, redo_range, face, speech, recording, engine, set_up,
    diagnosis, after, model_operators, panels, batch, setting_up, jobs, giving_back, warming,
)  # fmt: skip


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
