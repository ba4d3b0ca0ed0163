"""References to data-blocks that survive an undo, which makes every Python reference stale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

from ...core.contract import BadRequest


class Vanished(BadRequest):
    """A data-block was deleted, or an undo took it away, while it was being worked on."""


@dataclass(frozen=True)
class Reference:
    """Finds one data-block again by its session uid, whatever its name is by then."""

    collection: str
    uid: int
    name: str

    @classmethod
    def to(cls, datablock: bpy.types.ID, collection: str) -> Reference:
        """`collection`: where bpy.data keeps it, such as "objects"."""
        return cls(collection, datablock.session_uid, datablock.name)

    def find(self) -> Any:
        """The data-block, or None if the file no longer has it."""
        datablocks = getattr(bpy.data, self.collection)
        named = datablocks.get((self.name, None))
        if named is not None and named.session_uid == self.uid:
            return named
        return next((datablock for datablock in datablocks if datablock.session_uid == self.uid), None)

    def resolve(self) -> Any:
        """The data-block. Raises Vanished if the file no longer has it."""
        datablock = self.find()
        if datablock is None:
            raise Vanished(
                f"“{self.name}” was deleted or undone while it was being keyed, so nothing was written: bring it back and try again."
            )
        return datablock
