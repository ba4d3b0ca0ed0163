"""Everything that knows Blender. `register` puts the modules in, `unregister` takes them out in reverse."""

from . import batch, face_map, jobs, models, panels, preferences, settings
from .operators import character, engine, face, generate, recording, speech, timed_job
from .operators import models as model_operators

_MODULES = (
    preferences, settings, face_map, timed_job, character, generate, face, speech, recording, engine, model_operators, panels, batch, jobs,
    models,
)  # fmt: skip


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
