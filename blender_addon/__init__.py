"""Everything that knows Blender. `register` puts the modules in, `unregister` takes them out in reverse."""

from . import batch, jobs, models, panels, preferences, settings
from .operators import character, engine, generate
from .operators import models as model_operators

_MODULES = (preferences, settings, character, generate, engine, model_operators, panels, batch, jobs, models)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
