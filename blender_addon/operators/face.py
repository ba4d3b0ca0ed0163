"""Add Head, Apply Face, and the map of a mesh's face keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from ...core.contract import ARKIT, FLAME_2020, FLAME_2023, FLAME_2023_OPEN, FaceMotion, UnderstudyError
from ...core.contract.head import DEFAULT_HEAD, read_head
from .. import face_map, jobs, placing, settings
from ..animation.body import scene_fps
from ..animation.face import key_face_now
from ..animation.face_target import face_mesh, face_space, refusal
from ..animation.flame_mesh import add_head
from .answers import allowed, can_add, cancelled

_AS_FILED = "AUTO"
_RELEASES = (
    (_AS_FILED, "As the File Tells", "By the name of the file and by what it is made of"),
    (FLAME_2020, "FLAME 2020", "The release that DEEPTalk was trained on"),
    (FLAME_2023, "FLAME 2023", "Its expressions are others than those of 2020"),
    (FLAME_2023_OPEN, "FLAME 2023 Open", "Its expressions are others than those of 2020"),
)


@dataclass(frozen=True)
class ApplyTask:
    """Which motion goes onto which face, from which frame on."""

    path: Path
    face: str
    start_frame: float
    fps: float
    keys: dict[str, str]


def chosen_face(context: bpy.types.Context) -> bpy.types.Object | None:
    """The mesh of the face that the sidebar names, else of the active object, else the scene's only face."""
    if (named := settings.of(context.scene).face) is not None:
        return face_mesh(named)
    active = face_mesh(context.object)
    if active is not None and _has_keys(active):
        return active
    found = _faces(context.scene)
    return found[0] if len(found) == 1 else active


def lacks_face(context: bpy.types.Context) -> bool:
    """Whether there is none that could be chosen, so that adding one helps."""
    named = settings.of(context.scene).face
    return not named.users_scene if named is not None else bool(face_refused(context)) and not _faces(context.scene)


def face_refused(context: bpy.types.Context) -> str:
    """Why no motion can be applied now, in words for the tooltip; empty if it can."""
    face = chosen_face(context)
    return refusal(face, face_map.of(face) if face is not None else {})


class UNDERSTUDY_OT_add_head(bpy.types.Operator):
    """Add Understudy's own head (52 ARKit shapes; jaw, neck and eye bones) at the 3D cursor or beside what stands there, and choose it"""

    bl_idname = "understudy.add_head"
    bl_label = "Add Head"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_add(cls, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _added(self, context, DEFAULT_HEAD, "")


class UNDERSTUDY_OT_add_flame_head(bpy.types.Operator):
    """Add a head from your FLAME file (2020, 2023 or 2023 Open), with its expressions, exact jaw and bones, and choose it"""

    bl_idname = "understudy.add_flame_head"
    bl_label = "Add FLAME Head"
    bl_options = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: bpy.props.StringProperty(default="*.pkl;*.npz", options={"HIDDEN"})  # type: ignore[valid-type]
    release: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Release", items=_RELEASES, options={"SKIP_SAVE"}, description="The same numbers make another face in another release"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return can_add(cls, context)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        release = "" if self.release == _AS_FILED else self.release
        return _added(self, context, Path(bpy.path.abspath(self.filepath)), release)


class UNDERSTUDY_OT_apply_face(bpy.types.Operator):
    """Key a saved face motion on the face, from the current frame on; other keys stay"""

    bl_idname = "understudy.apply_face"
    bl_label = "Apply Face"
    bl_options = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]
    filter_glob: bpy.props.StringProperty(default="*.npz", options={"HIDDEN"})  # type: ignore[valid-type]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return allowed(cls, face_refused(context))

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        task = _task(context, Path(bpy.path.abspath(self.filepath)))
        try:
            keyed = key_face_now(task.face, FaceMotion.load(task.path), task.start_frame, task.fps, task.keys)
        except UnderstudyError as error:
            return cancelled(self, str(error), jobs.FACE)
        except OSError as error:
            return cancelled(self, f"{task.path.name} cannot be opened ({error.strerror}): choose a face motion, an .npz.", jobs.FACE)
        for notice in keyed.notices:
            self.report({"WARNING"}, notice)
        self.report({"INFO"}, f"Keyed “{keyed.actions[0]}”")
        return {"FINISHED"}


class UNDERSTUDY_OT_match_face_keys(bpy.types.Operator):
    """Fill the map with the shape keys of the face whose names are like ARKit's"""

    bl_idname = "understudy.match_face_keys"
    bl_label = "Match Keys by Name"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("Choose a mesh with shape keys first, other than a FLAME head")
        return can_have_map(chosen_face(context))

    def execute(self, context: bpy.types.Context) -> set[str]:
        found = face_map.fill(chosen_face(context))
        self.report({"INFO"}, f"Found {found} of ARKit's 52 shapes")
        return {"FINISHED"}


class UNDERSTUDY_OT_clear_face_map(bpy.types.Operator):
    """Throw the map away: the names of the shape keys decide again"""

    bl_idname = "understudy.clear_face_map"
    bl_label = "Clear Map"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("The face has no map")
        face = chosen_face(context)
        return face is not None and len(face.understudy_face_map) > 0

    def execute(self, context: bpy.types.Context) -> set[str]:
        face_map.clear(chosen_face(context))
        return {"FINISHED"}


def can_have_map(face: bpy.types.Object | None) -> bool:
    """Whether it is a mesh with keys that ARKit's shapes may be among, and no linked one."""
    if face is None or face.type != "MESH" or face.library is not None or face.data.shape_keys is None:
        return False
    return face_space(face) == ARKIT


def _has_keys(each: bpy.types.Object) -> bool:
    return each.type == "MESH" and each.data.shape_keys is not None


def _faces(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    if not bpy.data.shape_keys:  # ten thousand objects take milliseconds, and panels ask at every redraw
        return []
    return [each for each in scene.objects if _has_keys(each) and not refusal(each, face_map.of(each))]


def _added(operator: bpy.types.Operator, context: bpy.types.Context, path: Path, release: str) -> set[str]:
    try:
        head = read_head(path, release)
    except UnderstudyError as error:
        return cancelled(operator, str(error), jobs.FACE)
    except OSError as error:
        return cancelled(operator, f"{path.name} cannot be opened ({error.strerror}): choose your FLAME model, a .pkl.", jobs.FACE)
    face = add_head(head, collection=context.collection)
    settings.of(context.scene).face = face
    placing.put(context, face.parent)
    return {"FINISHED"}


def _task(context: bpy.types.Context, path: Path) -> ApplyTask:
    face, scene = chosen_face(context), context.scene
    assert face is not None
    return ApplyTask(path, face.name, float(scene.frame_current_final), scene_fps(scene), face_map.of(face))


_CLASSES = (
    UNDERSTUDY_OT_add_head,
    UNDERSTUDY_OT_add_flame_head,
    UNDERSTUDY_OT_apply_face,
    UNDERSTUDY_OT_match_face_keys,
    UNDERSTUDY_OT_clear_face_map,
)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
