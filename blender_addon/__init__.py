"""Everything that knows Blender. `register` puts the modules in, `unregister` takes them out in reverse."""

from . import batch, face_map, giving_back, jobs, models, panels, preferences, setting_up, settings
from .operators import character, diagnosis, engine, face, generate, recording, redo_range, set_up, speech, timed_job
from .operators import models as model_operators

_MODULES = (
    preferences, settings, face_map, timed_job, character, generate, redo_range, face, speech, recording, engine, set_up, diagnosis,
    model_operators, panels, batch, setting_up, jobs, giving_back, models,
)  # fmt: skip


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
