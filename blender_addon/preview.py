"""Pictures of a keyed character with Workbench: a movie that follows it, and a sheet of its poses over time."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector

MOVIE_SIZE, POSE_SIZE = (640, 480), (260, 380)
POSES = 8
_FLOOR_METRES, _TILE_METRES = 48, 0.5
_CAMERA_OFFSET = Vector((2.2, -3.2, 1.2))  # in front, to the character's left
_LOOK_AT_HEIGHT = 0.85
_HEAD_VIEW = 0.95  # metres that the picture is wide where the head is
_HEAD_MARGINS = (0.15, 0.22)  # metres from the picture's right and upper border to the neck
_MOVIE_LENS, _SHEET_LENS = 50, 60  # mm
_BACKGROUND, _INK = (0.80, 0.83, 0.86), (0.1, 0.1, 0.1, 1.0)
Report = Callable[[int, int], None]  # frames done, frames in all


class Stage:
    """Floor, camera and Workbench settings around an armature that is keyed in `frames`.

    head: an armature that is shown large in a corner, whatever the camera looks at.
    """

    def __init__(
        self, scene: bpy.types.Scene, armature: bpy.types.Object, frames: range, head: bpy.types.Object | None = None
    ) -> None:
        self.scene, self.armature, self.frames, self._head = scene, armature, frames, head
        self._camera = self._add_camera()
        self._add_floor()
        self._set_look()
        self._path = self._smooth_path()

    def movie(self, path: Path, caption: str, report: Report) -> None:
        """An H.264 file of all frames at the scene's rate."""
        for frame in self.frames:
            self._aim(frame)
            self._camera.keyframe_insert("location", frame=frame)
        self._set_output(path, MOVIE_SIZE, caption)
        self._hold_head(MOVIE_SIZE)
        self._choose_mp4()
        # Without a graphics card, smooth edges would take three times as long
        self.scene.display.render_aa = "OFF"
        self.scene.frame_start, self.scene.frame_end = self.frames[0], self.frames[-1]

        def tell(scene: bpy.types.Scene, *_more: object) -> None:
            report(scene.frame_current - self.frames[0] + 1, len(self.frames))

        bpy.app.handlers.render_write.append(tell)
        try:
            bpy.ops.render.render(animation=True)
        finally:
            bpy.app.handlers.render_write.remove(tell)

    def sheet(self, path: Path) -> None:
        """One PNG with poses at even times, from left to right."""
        save_picture(self.poses(POSES, POSE_SIZE, path.parent), path)

    def poses(self, count: int, size: tuple[int, int], folder: Path) -> np.ndarray:
        """Pixels (H, count * W, 4) in 0..1, bottom row first: `count` pictures of size (W, H), rendered by way of `folder`."""
        frames = np.linspace(self.frames[0], self.frames[-1], count).round().astype(int)
        self._choose_stills()
        self._hold_head(size)
        return np.concatenate([self._pose(int(frame), size, folder) for frame in frames], axis=1)

    def title(self, text: str, size: tuple[int, int], folder: Path) -> np.ndarray:
        """Pixels (H, W, 4) as of `poses`: a line of text and nothing else."""
        self._choose_stills()
        farthest, self._camera.data.clip_end = self._camera.data.clip_end, 2 * self._camera.data.clip_start
        try:
            return self._picture(size, text, folder)
        finally:
            self._camera.data.clip_end = farthest

    def _choose_stills(self) -> None:
        self._camera.animation_data_clear()
        self._camera.data.lens = _SHEET_LENS
        self._choose_format("IMAGE", "PNG")
        self.scene.display.render_aa = "8"
        self.scene.display.shading.show_cavity = True

    def _hold_head(self, size: tuple[int, int]) -> None:
        """Into the upper right corner of a picture of size (W, H), close to the camera, looking at it."""
        if self._head is None:
            return
        distance = _HEAD_VIEW * self._camera.data.lens / self._camera.data.sensor_width * max(size) / size[0]
        right, up = _HEAD_VIEW / 2 - _HEAD_MARGINS[0], _HEAD_VIEW / 2 * size[1] / size[0] - _HEAD_MARGINS[1]
        self._head.parent, self._head.matrix_parent_inverse = self._camera, Matrix()
        self._head.location = (right, up, -distance)
        # Its own up is Z and it faces -Y; the camera's up is Y, and it looks along -Z
        self._head.rotation_euler = (math.radians(-90), 0.0, 0.0)

    def _pose(self, frame: int, size: tuple[int, int], folder: Path) -> np.ndarray:
        seconds = (frame - self.frames[0]) / (self.scene.render.fps / self.scene.render.fps_base)
        self.scene.frame_set(frame)
        self._aim(frame)
        return self._picture(size, f"{seconds:.1f} s", folder)

    def _picture(self, size: tuple[int, int], caption: str, folder: Path) -> np.ndarray:
        partial = folder / f".understudy-{os.getpid()}.png"
        self._set_output(partial, size, caption)
        bpy.ops.render.render(write_still=True)
        try:
            return _read_picture(partial)
        finally:
            partial.unlink(missing_ok=True)

    def _add_camera(self) -> bpy.types.Object:
        camera = bpy.data.objects.new("Preview Camera", bpy.data.cameras.new("Preview Camera"))
        camera.data.lens = _MOVIE_LENS
        camera.rotation_euler = (Vector((0, 0, _LOOK_AT_HEIGHT)) - _CAMERA_OFFSET).to_track_quat("-Z", "Y").to_euler()
        self.scene.collection.objects.link(camera)
        self.scene.camera = camera
        return camera

    def _add_floor(self) -> None:
        """A chequered plane, which shows travel that a moving camera would hide."""
        count = int(_FLOOR_METRES / _TILE_METRES)
        grid = np.array([(x, y) for y in range(count + 1) for x in range(count + 1)]) * _TILE_METRES - _FLOOR_METRES / 2
        faces = [
            (y * (count + 1) + x, y * (count + 1) + x + 1, (y + 1) * (count + 1) + x + 1, (y + 1) * (count + 1) + x)
            for y in range(count) for x in range(count)
        ]  # fmt: skip
        mesh = bpy.data.meshes.new("Preview Floor")
        mesh.from_pydata([(x, y, 0.0) for x, y in grid], [], faces)
        for name, grey in (("Preview Floor Light", 0.72), ("Preview Floor Dark", 0.60)):
            material = bpy.data.materials.new(name)
            material.diffuse_color = (grey, grey, grey, 1)
            mesh.materials.append(material)
        mesh.polygons.foreach_set("material_index", [(x + y) % 2 for y in range(count) for x in range(count)])
        floor = bpy.data.objects.new("Preview Floor", mesh)
        self.scene.collection.objects.link(floor)

    def _set_look(self) -> None:
        self.scene.render.engine = "BLENDER_WORKBENCH"
        self.scene.view_settings.view_transform = "Standard"
        shading = self.scene.display.shading
        shading.light, shading.color_type = "STUDIO", "MATERIAL"
        # What a render takes as background: 5.0 and later that of the shading, the others the world
        shading.background_type, shading.background_color = "VIEWPORT", _BACKGROUND
        self.scene.world = bpy.data.worlds.new("Preview World")
        self.scene.world.color = _BACKGROUND
        # Shadows would take ten times as long without a graphics card
        shading.show_shadows = shading.show_cavity = False

    def _smooth_path(self) -> np.ndarray:
        """Where the camera looks in each frame (T, 3): the pelvis over the floor, low-passed."""
        places = []
        for frame in self.frames:
            self.scene.frame_set(frame)
            places.append(self.armature.matrix_world @ self.armature.pose.bones[_pelvis(self.armature)].head)
        path = np.array([(place.x, place.y, 0.0) for place in places])
        reach = min(12, len(path) - 1)
        padded = np.concatenate((np.repeat(path[:1], reach, 0), path, np.repeat(path[-1:], reach, 0)))
        kernel = np.ones(2 * reach + 1) / (2 * reach + 1)
        return np.stack([np.convolve(padded[:, axis], kernel, mode="valid") for axis in range(3)], axis=1)

    def _aim(self, frame: int) -> None:
        self._camera.location = Vector(self._path[frame - self.frames[0]]) + _CAMERA_OFFSET

    def _set_output(self, path: Path, size: tuple[int, int], caption: str) -> None:
        render = self.scene.render
        render.filepath = str(path)
        render.resolution_x, render.resolution_y, render.resolution_percentage = *size, 100
        for stamp in (name for name in dir(render) if name.startswith("use_stamp_")):
            setattr(render, stamp, False)
        render.use_stamp = render.use_stamp_note = bool(caption)
        render.stamp_note_text, render.stamp_font_size = caption, 14
        render.stamp_foreground, render.stamp_background = _INK, (*_BACKGROUND, 0.0)

    def _choose_mp4(self) -> None:
        self._choose_format("VIDEO", "FFMPEG")
        ffmpeg = self.scene.render.ffmpeg
        ffmpeg.format, ffmpeg.codec, ffmpeg.constant_rate_factor = "MPEG4", "H264", "MEDIUM"
        ffmpeg.audio_codec = "AAC" if bpy.data.sounds else "NONE"

    def _choose_format(self, media: str, file_format: str) -> None:
        settings = self.scene.render.image_settings
        if hasattr(settings, "media_type"):  # 5.0: a format is offered for its kind of media alone
            settings.media_type = media
        settings.file_format = file_format


def _pelvis(armature: bpy.types.Object) -> str:
    return next(bone.name for bone in armature.data.bones if bone.name.lower().endswith("pelvis"))


def _read_picture(path: Path) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    try:
        width, height = image.size
        pixels = np.empty(width * height * 4, np.float32)
        image.pixels.foreach_get(pixels)
        return pixels.reshape(height, width, 4)
    finally:
        bpy.data.images.remove(image)


def save_picture(pixels: np.ndarray, path: Path) -> None:
    """Pixels (H, W, 4) in 0..1, bottom row first, as a PNG, or as a JPEG where the path ends so."""
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(path.stem, width, height)
    try:
        image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
        image.filepath_raw, image.file_format = str(path), "JPEG" if path.suffix == ".jpg" else "PNG"
        image.save()
    finally:
        bpy.data.images.remove(image)
