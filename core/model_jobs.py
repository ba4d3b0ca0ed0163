"""What the preferences ask of the user's folder of models: an import into it, and a removal from it."""

from __future__ import annotations

from pathlib import Path

from .contract import ImportReply, ImportRequest, RemoveReply, RemoveRequest, user_models_folder
from .installed_models import remove
from .weights_import.importing import Order, import_weights
from .weights_import.writing import Report


def import_model(request: ImportRequest, report: Report) -> ImportReply:
    """Raises BadRequest, or WeightsError with nothing written; whatever `report` raises passes through, with nothing written."""
    request.validate()
    order = Order(tuple(map(Path, request.paths)), user_models_folder(), request.name.strip(), request.replaces)
    done = import_weights(order, report)
    return ImportReply(request.id, tuple(folder.name for folder in done.folders), done.used, done.left_out)


def remove_model(request: RemoveRequest) -> RemoveReply:
    """Raises WeightsError where it is not there, or others need it."""
    gone = remove(request.name)
    return RemoveReply(request.id, gone.name, gone.bytes)
