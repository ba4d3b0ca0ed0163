"""Generate Face, Generate Take and what is done with spoken lines, as buttons and scripts run them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from understudy.blender_addon import jobs, sequencer, settings
from understudy.blender_addon.animation import curves
from understudy.blender_addon.animation.face import FACE_RECIPE_PROPERTY, LineEdited, lines_to_key_again, spoken_lines, was_edited
from understudy.blender_addon.animation.face_lines import KeptLine, kept_line
from understudy.blender_addon.animation.slices import in_one_go
from understudy.blender_addon.operators import speech
from understudy.blender_addon.tasks import FaceTask, LinesTask
from understudy.core.contract import MAX_SECONDS, Cancelled, FaceRequest
from understudy.tests.blender_addon.animation.sample_faces import keyed_mesh
from understudy.tests.blender_addon.conftest import write_voice

HAS_SOUND = bpy.app.version >= (4, 4, 0)  # the bpy 4.2 of PyPI was built without
needs_sound = pytest.mark.skipif(not HAS_SOUND, reason="this bpy was built without sound, so that it makes no sound strips")


@pytest.fixture
def ready(speaking: settings.UnderstudySettings, voice: Path) -> settings.UnderstudySettings:
    """A head and a sound file are chosen."""
    bpy.ops.understudy.add_head()
    speaking.speech.sound_file, speaking.speech.use_new_seed, speaking.speech.seed = str(voice), False, 7
    bpy.ops.ed.undo_push(message="Head")
    return speaking


def value_keys(face: bpy.types.Object, key: str = "jawOpen") -> np.ndarray:
    """(T, 2)"""
    slot = curves.playing_slot(face.data.shape_keys)
    assert slot is not None
    return curves.read_curves(slot)[f'key_blocks["{key}"].value', 0]


def snapshot() -> tuple[object, ...]:
    """What a failed generation must leave as it was."""
    playing = [(owner.name, owner.animation_data and owner.animation_data.action) for owner in (*bpy.data.objects, *bpy.data.shape_keys)]
    sliders = [(key.name, key.slider_min, key.slider_max) for keys in bpy.data.shape_keys for key in keys.key_blocks]
    strips = bpy.context.scene.sequence_editor and len(strips_of(bpy.context.scene))
    return sorted(bpy.data.actions.keys()), playing, sliders, strips, bpy.context.scene.render.fps, bpy.context.scene.frame_current


def strips_of(scene: bpy.types.Scene) -> bpy.types.bpy_prop_collection:
    return getattr(scene.sequence_editor, sequencer.collection_names(scene.sequence_editor)[0])


def add_strip(path: Path, frame: int, channel: int = 1) -> bpy.types.Strip:
    editor = bpy.context.scene.sequence_editor_create()
    return getattr(editor, sequencer.collection_names(editor)[0]).new_sound(path.stem, str(path), channel, frame)


def test_keys_begin_at_the_current_frame_at_the_scene_s_rate(ready: settings.UnderstudySettings) -> None:
    bpy.context.scene.render.fps = 30
    bpy.context.scene.frame_set(12, subframe=0.5)
    assert bpy.ops.understudy.generate_face() == {"FINISHED"}
    frames = value_keys(ready.face)[:, 0]
    np.testing.assert_allclose(frames, 12.5 + np.arange(59))  # 50 frames of 25 a second end at 1.96 s
    assert bpy.context.scene.render.fps == 30


def test_the_action_carries_what_was_asked_for(ready: settings.UnderstudySettings) -> None:
    ready.speech.emotion, ready.speech.intensity = "happy", 0.5
    bpy.ops.understudy.generate_face()
    action = ready.face.data.shape_keys.animation_data.action
    assert action.name == "hello (happy)"
    recipe = json.loads(action[FACE_RECIPE_PROPERTY])
    assert (recipe["emotion"], recipe["intensity"], recipe["seed"], recipe["model"]) == ("happy", 0.5, 7, "starter_face")


def test_the_seed_that_was_thrown_is_written_back(ready: settings.UnderstudySettings) -> None:
    ready.speech.use_new_seed = True
    bpy.ops.understudy.generate_face()
    thrown, first = ready.speech.seed, value_keys(ready.face)
    assert thrown != 7
    ready.speech.use_new_seed = False
    bpy.ops.understudy.generate_face()
    np.testing.assert_array_equal(value_keys(ready.face), first)


def test_one_undo_step_takes_all_of_it_back(ready: settings.UnderstudySettings) -> None:
    bpy.ops.understudy.generate_face()
    assert len(bpy.data.actions) > 0
    bpy.ops.ed.undo()
    assert len(bpy.data.actions) == 0 and bpy.data.objects["Understudy Head face"].data.shape_keys.animation_data.action is None
    editor = bpy.context.scene.sequence_editor
    assert editor is None or len(strips_of(bpy.context.scene)) == 0
    bpy.ops.ed.redo()
    assert len(spoken_lines(bpy.data.objects["Understudy Head face"])) == 1


@needs_sound
def test_the_sound_is_heard_from_where_the_keys_start_and_only_once(ready: settings.UnderstudySettings, voice: Path) -> None:
    bpy.context.scene.frame_set(12, subframe=0.25)
    bpy.ops.understudy.generate_face()
    bpy.ops.understudy.generate_face()
    (strip,) = strips_of(bpy.context.scene)
    assert (strip.frame_final_start, strip.channel, Path(strip.sound.filepath)) == (12, 1, voice)
    assert strip.sound_offset == pytest.approx(0.25 / 24)
    bpy.context.scene.frame_set(100)
    bpy.ops.understudy.generate_face()
    assert [(each.frame_final_start, each.channel) for each in strips_of(bpy.context.scene)] == [(12, 1), (100, 2)]


def test_no_sound_strip_where_none_is_wanted(ready: settings.UnderstudySettings) -> None:
    ready.speech.add_sound_strip = False
    bpy.ops.understudy.generate_face()
    editor = bpy.context.scene.sequence_editor
    assert editor is None or len(strips_of(bpy.context.scene)) == 0


@pytest.mark.skipif(HAS_SOUND, reason="this bpy has sound")
def test_a_blender_without_sound_says_so_and_keys_all_the_same(ready: settings.UnderstudySettings) -> None:
    assert bpy.ops.understudy.generate_face() == {"FINISHED"}
    assert "No sound strip was added" in jobs.state.message


@needs_sound
def test_a_strip_is_spoken_where_it_is_heard(ready: settings.UnderstudySettings, voice: Path) -> None:
    strip = add_strip(voice, 40)
    strip.frame_offset_start, strip.frame_offset_end, strip.sound_offset = 12, 12, 0.01
    ready.speech.source = "STRIP"
    assert "has no active strip" in speech.speech_refused(bpy.context)
    ready.speech.strip = strip.name
    assert bpy.ops.understudy.generate_face() == {"FINISHED"}
    recipe = json.loads(ready.face.data.shape_keys.animation_data.action[FACE_RECIPE_PROPERTY])
    assert (recipe["start_s"], recipe["seconds"]) == (pytest.approx(0.49, abs=1e-4), pytest.approx(1.0))
    frames = value_keys(ready.face)[:, 0]
    assert frames[0] == 52 and frames[-1] == 52 + 23  # of the last of 25 frames
    assert len(strips_of(bpy.context.scene)) == 1


@needs_sound
def test_a_strip_whose_sound_begins_after_it_is_spoken_between_frames(ready: settings.UnderstudySettings, voice: Path) -> None:
    strip = add_strip(voice, 40)
    strip.sound_offset = 0.5 / 24
    bpy.context.scene.sequence_editor.active_strip = strip
    ready.speech.source = "STRIP"
    bpy.ops.understudy.generate_face()
    assert value_keys(ready.face)[0, 0] == pytest.approx(40.5)


@needs_sound
def test_a_sound_that_is_packed_into_the_file_is_spoken_too(ready: settings.UnderstudySettings, voice: Path) -> None:
    strip = add_strip(voice, 1)
    strip.sound.pack()
    voice.unlink()
    ready.speech.source, ready.speech.strip = "STRIP", strip.name
    assert bpy.ops.understudy.generate_face() == {"FINISHED"}


@needs_sound
def test_a_whole_channel_is_spoken_in_one_step(ready: settings.UnderstudySettings, voice: Path, tmp_path: Path) -> None:
    short = write_voice(tmp_path / "bye.wav", 1.0)
    for path, frame, channel in ((short, 100, 3), (voice, 10, 3), (voice, 50, 2), (short, 200, 3)):
        add_strip(path, frame, channel).mute = frame == 200
    ready.speech.source, ready.speech.channel = "CHANNEL", 3
    assert bpy.ops.understudy.generate_face() == {"FINISHED"}
    assert [(line.name, line.start_frame) for line in spoken_lines(ready.face)] == [("hello (neutral)", 10.0), ("bye (neutral)", 100.0)]
    frames = value_keys(ready.face)[:, 0]
    assert set(frames.astype(int)) == {*range(10, 58), *range(100, 124)}
    bpy.ops.ed.undo()
    assert len(bpy.data.actions) == 0
    ready = settings.of(bpy.context.scene)
    ready.speech.source, ready.speech.channel = "CHANNEL", 9
    assert speech.speech_refused(bpy.context).startswith("Channel 9 of the video sequencer has no sound")


@needs_sound
@pytest.mark.parametrize("kind", ["COLOR", "TEXT"])
def test_a_strip_that_is_no_sound_is_refused(ready: settings.UnderstudySettings, kind: str) -> None:
    editor = bpy.context.scene.sequence_editor_create()
    length = {"length": 20} if bpy.app.version >= (5, 0, 0) else {"frame_end": 21}
    getattr(editor, sequencer.collection_names(editor)[0]).new_effect("Title", kind, 1, 1, **length)
    ready.speech.source, ready.speech.strip = "STRIP", "Title"
    assert speech.speech_refused(bpy.context).startswith("“Title” is no sound strip")
    ready.speech.strip = "Nobody"
    assert "no strip “Nobody”" in speech.speech_refused(bpy.context)


def test_markers_change_the_emotion(ready: settings.UnderstudySettings) -> None:
    for frame, name in ((1, "sad 0.5"), (13, "Angry"), (25, "F_25"), (37, "happy lots"), (49, "fearful 2")):
        bpy.context.scene.timeline_markers.new(name, frame=frame)
    ready.speech.use_markers, ready.speech.intensity = True, 0.8
    bpy.context.scene.frame_set(1)
    bpy.ops.understudy.generate_face()
    recipe = json.loads(ready.face.data.shape_keys.animation_data.action[FACE_RECIPE_PROPERTY])
    assert (recipe["emotion"], recipe["intensity"]) == ("sad", 0.5)
    told = [(change["at_s"], change["emotion"], change["intensity"]) for change in recipe["changes"]]
    assert told == [(0.5, "angry", pytest.approx(0.8)), (2.0, "fearful", 2.0)]


SPOILED: dict[str, tuple[Callable[[settings.UnderstudySettings], object], str]] = {
    "no sound": (lambda chosen: setattr(chosen.speech, "sound_file", " "), "No sound is chosen"),
    "no such file": (lambda chosen: setattr(chosen.speech, "sound_file", "/nowhere/a.wav"), "a.wav is no sound that can be read"),
    "no clip for the emotion": (lambda chosen: setattr(chosen.speech, "emotion", "CLIP"), "No clip to take the emotion from"),
    "no strip": (lambda chosen: setattr(chosen.speech, "source", "STRIP"), "has no active strip"),
    "no channel": (lambda chosen: setattr(chosen.speech, "source", "CHANNEL"), "has no sound that is heard"),
    "deleted face": (lambda chosen: bpy.data.objects.remove(chosen.face), "is not a face"),
    "no keys": (lambda chosen: setattr(chosen, "face", keyed_mesh([])), "has no shape keys"),
    "locked curves": (lambda chosen: lock_curves(chosen), "locked or muted"),
    "shared mesh": (lambda chosen: bpy.context.collection.objects.link(chosen.face.copy()), "objects share the mesh"),
    "no engine": (lambda chosen: setattr(bpy.context.preferences.addons[-1].preferences, "engine_python", "/nowhere"), "does not exist"),
}  # fmt: skip


def lock_curves(chosen: settings.UnderstudySettings) -> None:
    bpy.ops.understudy.generate_face()
    slot = curves.playing_slot(chosen.face.data.shape_keys)
    assert slot is not None
    curves.channel_bag(slot).fcurves.find('key_blocks["jawOpen"].value').lock = True


@pytest.mark.parametrize("case", SPOILED)
def test_bad_input_gives_one_sentence_and_changes_nothing(case: str, ready: settings.UnderstudySettings) -> None:
    spoil, sentence = SPOILED[case]
    spoil(ready)
    before = snapshot()
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.understudy.generate_face()
    assert snapshot() == before and jobs.state.job is None


def test_sliders_that_would_cut_are_widened_and_told(ready: settings.UnderstudySettings, capfd: pytest.CaptureFixture[str]) -> None:
    ready.face.data.shape_keys.key_blocks["jawOpen"].slider_max = 0.2
    assert bpy.ops.understudy.generate_face() == {"FINISHED"}
    assert "Sliders widened, which would have cut values off: jawOpen" in jobs.state.message
    assert ready.face.data.shape_keys.key_blocks["jawOpen"].slider_max > 0.5


@pytest.mark.parametrize("moment", ["asked", "writing"])
def test_a_cancelled_face_leaves_the_file_as_it_was(ready: settings.UnderstudySettings, moment: str) -> None:
    before = snapshot()
    job = jobs.Job(jobs.ready_engine(), speech.task_from(bpy.context))
    while moment == "writing" and not job.is_writing:
        job.advance(0.0)
    for _ in range(5):
        job.advance(0.0)
    job.cancel()
    with pytest.raises(Cancelled):
        while not job.advance():
            pass
    assert snapshot() == before


def test_no_tick_of_a_face_holds_the_interface_for_30_ms(ready: settings.UnderstudySettings, tmp_path: Path) -> None:
    """Two minutes at 30 fps; the best of three generations."""
    from understudy.tests.blender_addon.test_generate import longest_tick

    bpy.context.scene.render.fps, ready.speech.sound_file = 30, str(write_voice(tmp_path / "long.wav", 120.0))
    longest = [longest_tick(lambda: jobs.Job(jobs.ready_engine(), speech.task_from(bpy.context))) for _ in range(3)]
    print(f"longest tick of each generation: {', '.join(f'{seconds * 1e3:.1f} ms' for seconds in longest)}")
    assert min(longest) < 0.030


@needs_sound
def test_one_bar_shows_all_strips_of_a_channel(ready: settings.UnderstudySettings, voice: Path) -> None:
    ready.speech.source, ready.speech.channel = "CHANNEL", 2
    for number in range(3):
        add_strip(voice, 1 + 100 * number, 2)
    job = jobs.Job(jobs.ready_engine(), speech.task_from(bpy.context))
    told = [(job.stage, job.factor)]
    while not job.advance() and not job.is_writing:
        told.append((job.stage, job.factor))
    factors = [factor for _, factor in told]
    assert factors == sorted(factors) and {round(3 * factor, 2) for factor in factors} >= {0.5, 1.5, 2.5}
    assert {"Speaking (1 of 3)", "Speaking (3 of 3)"} <= {stage for stage, _ in told}
    job.run()


@needs_sound
def test_the_sound_of_a_video_is_spoken_and_holds_nothing_up(ready: settings.UnderstudySettings, voice: Path, tmp_path: Path) -> None:
    from understudy.tests.blender_addon.test_generate import longest_tick

    long = write_voice(tmp_path / "long.wav", 12.0)
    aud = pytest.importorskip("aud")
    aud.Sound(str(long)).write(str(tmp_path / "talk.mkv"), 48_000, 2, aud.FORMAT_S16, aud.CONTAINER_MATROSKA, aud.CODEC_MP3, 128_000, 4096)
    ready.speech.sound_file = str(tmp_path / "talk.mkv")
    longest = longest_tick(lambda: jobs.Job(jobs.ready_engine(), speech.task_from(bpy.context)))
    assert longest < 0.030
    [line] = spoken_lines(ready.face)
    assert line.last_frame - line.start_frame == pytest.approx(12 * 24, abs=3)
    assert [strip.sound.filepath for strip in strips_of(bpy.context.scene)] == [str(tmp_path / "talk.mkv")]


def test_amounts_are_applied_again_without_the_engine(ready: settings.UnderstudySettings) -> None:
    bpy.ops.understudy.generate_face()
    first, blinks = value_keys(ready.face), value_keys(ready.face, "eyeBlinkLeft")
    jobs.stop_engine()
    ready.speech.jaw, ready.speech.blinks = 0.5, 0.0
    assert bpy.ops.understudy.apply_amounts() == {"FINISHED"}
    assert jobs.state.engine is None
    np.testing.assert_allclose(value_keys(ready.face), first * (1, 0.5), atol=1e-6)
    assert value_keys(ready.face, "eyeBlinkLeft")[:, 1].max() == 0 < blinks[:, 1].max()
    assert value_keys(ready.face, "mouthSmileLeft")[:, 1].max() > 0.5
    ready.speech.jaw, ready.speech.blinks = 1.0, 1.0
    bpy.ops.understudy.apply_amounts()
    np.testing.assert_array_equal(value_keys(ready.face), first)
    np.testing.assert_array_equal(value_keys(ready.face, "eyeBlinkLeft"), blinks)


def test_amounts_survive_saving_appending_and_undo(ready: settings.UnderstudySettings, tmp_path: Path) -> None:
    ready.speech.lips = 0.5
    bpy.ops.understudy.generate_face()
    first = value_keys(ready.face, "mouthSmileLeft")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "spoken.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "spoken.blend"))
    bpy.ops.ed.undo_push(message="Opened")
    double_lips(settings.of(bpy.context.scene), first)
    bpy.ops.ed.undo()
    double_lips(settings.of(bpy.context.scene), first)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "spoken.blend")) as (_, wanted):
        wanted.objects = ["Understudy Head", "Understudy Head face"]
    for each in wanted.objects:
        bpy.context.scene.collection.objects.link(each)
    settings.of(bpy.context.scene).face = bpy.data.objects["Understudy Head face"]
    double_lips(settings.of(bpy.context.scene), first)


def double_lips(chosen: settings.UnderstudySettings, first: np.ndarray) -> None:
    chosen.speech.lips = 1.0
    assert bpy.ops.understudy.apply_amounts() == {"FINISHED"}
    np.testing.assert_allclose(value_keys(chosen.face, "mouthSmileLeft"), first * (1, 2), atol=1e-6)


def test_variations_are_kept_with_the_line_and_can_be_chosen(ready: settings.UnderstudySettings) -> None:
    ready.speech.variations, ready.speech.jaw = 3, 0.5
    bpy.ops.understudy.generate_face()
    first = value_keys(ready.face)
    ready.speech.jaw = 1.0  # another variation keeps the amounts of the line
    assert bpy.ops.understudy.next_variation() == {"FINISHED"}
    second = value_keys(ready.face)
    assert second[:, 1].max() <= 0.5 and np.abs(second - first).max() > 0.1
    assert bpy.ops.understudy.next_variation(step=-1) == {"FINISHED"}
    np.testing.assert_array_equal(value_keys(ready.face), first)
    (line,) = spoken_lines(ready.face)
    assert (line.shown, line.variations, line.amounts.jaw) == (0, 3, 0.5)


def test_lines_keep_their_own_amounts_and_lie_over_earlier_ones(ready: settings.UnderstudySettings) -> None:
    for frame, seed in ((1, 1), (30, 2), (200, 3)):
        bpy.context.scene.frame_set(frame)
        ready.speech.seed = seed
        bpy.ops.understudy.generate_face()
    before = value_keys(ready.face)
    bpy.context.scene.frame_set(10)
    ready.speech.jaw = 0.5
    bpy.ops.understudy.apply_amounts()
    after = value_keys(ready.face)
    np.testing.assert_array_equal(after[:, 0], before[:, 0])
    is_first = before[:, 0] < 30
    np.testing.assert_allclose(after[is_first, 1], before[is_first, 1] / 2, atol=1e-6)
    np.testing.assert_array_equal(after[~is_first], before[~is_first])
    assert [line.amounts.jaw for line in spoken_lines(ready.face)] == [0.5, 1.0, 1.0]
    bpy.ops.understudy.show_amounts()
    assert ready.speech.jaw == 0.5
    bpy.context.scene.frame_set(150)
    with pytest.raises(RuntimeError, match="No line is spoken at this frame: go to 1-"):
        bpy.ops.understudy.apply_amounts()


def test_a_line_that_covers_another_takes_its_place(ready: settings.UnderstudySettings) -> None:
    bpy.ops.understudy.generate_face()
    bpy.ops.understudy.generate_face()
    assert [line.number for line in spoken_lines(ready.face)] == [2]


def test_keys_that_were_moved_are_not_keyed_again(ready: settings.UnderstudySettings) -> None:
    bpy.ops.understudy.generate_face()
    slot = curves.playing_slot(ready.face.data.shape_keys)
    assert slot is not None
    for curve in curves.channel_bag(slot).fcurves:
        for key in curve.keyframe_points:
            key.co.x += 5
    before = value_keys(ready.face)
    with pytest.raises(RuntimeError, match="no longer at frame 1, where they were written"):
        bpy.ops.understudy.apply_amounts()
    np.testing.assert_array_equal(value_keys(ready.face), before)


def edited(face: bpy.types.Object, line: KeptLine) -> bool:
    return in_one_go(was_edited(face.name, line))


def test_keys_that_were_edited_are_known(ready: settings.UnderstudySettings) -> None:
    for frame in (1, 200):
        bpy.context.scene.frame_set(frame)
        bpy.ops.understudy.generate_face()
    first, second = spoken_lines(ready.face)
    assert not edited(ready.face, first) and not edited(ready.face, second)
    slot = curves.playing_slot(ready.face.data.shape_keys)
    assert slot is not None
    curves.channel_bag(slot).fcurves.find('key_blocks["jawOpen"].value').keyframe_points[10].co.y += 0.1
    assert edited(ready.face, first) and not edited(ready.face, second)
    bpy.context.scene.frame_set(10)
    bpy.ops.understudy.apply_amounts()
    assert not any(edited(ready.face, line) for line in spoken_lines(ready.face))


def test_a_line_that_was_edited_is_keyed_over_only_by_those_who_were_asked(ready: settings.UnderstudySettings) -> None:
    bpy.ops.understudy.generate_face()
    (line,) = spoken_lines(ready.face)
    unasked = LinesTask(tuple(lines_to_key_again(ready.face, line)), ready.face.name, unless_edited=line)
    jobs.Job(None, unasked).run()
    slot = curves.playing_slot(ready.face.data.shape_keys)
    assert slot is not None
    curves.channel_bag(slot).fcurves.find('key_blocks["jawOpen"].value').keyframe_points[10].co.y += 0.1
    before = snapshot(), value_keys(ready.face).tolist()
    with pytest.raises(LineEdited, match=r"“hello \(neutral\)” were changed since they were made"):
        jobs.Job(None, unasked).run()
    assert (snapshot(), value_keys(ready.face).tolist()) == before
    jobs.Job(None, replace(unasked, unless_edited=None)).run()
    assert value_keys(ready.face).tolist() != before[1]


def test_what_is_kept_is_as_large_as_it_is_said_to_be(ready: settings.UnderstudySettings, tmp_path: Path) -> None:
    ready.speech.sound_file = str(write_voice(tmp_path / "long.wav", 60.0))
    bpy.ops.understudy.generate_face()
    slot = curves.playing_slot(ready.face.data.shape_keys)
    assert slot is not None
    line = kept_line(slot.action, 1)
    size = len(line.motions[0].to_bytes())
    assert size / line.motions[0].seconds == pytest.approx(6500, rel=0.05)


def test_a_broken_line_is_told(ready: settings.UnderstudySettings) -> None:
    bpy.ops.understudy.generate_face()
    slot = curves.playing_slot(ready.face.data.shape_keys)
    assert slot is not None
    slot.action.resolve()["understudy_face_lines"]["1"]["motions"]["0"] = b"nonsense"
    with pytest.raises(RuntimeError, match=r"hello \(neutral\) is not a face motion written by Understudy"):
        bpy.ops.understudy.apply_amounts()
    slot.action.resolve()["understudy_face_lines"]["1"] = {"name": "nothing"}
    assert spoken_lines(ready.face) == []
    assert speech.line_refused(bpy.context).startswith("The face has spoken no line yet")


@pytest.fixture
def take(ready: settings.UnderstudySettings) -> settings.UnderstudySettings:
    """A character is chosen beside the head."""
    bpy.ops.understudy.add_character()
    ready.use_new_seed, ready.seed = False, 3
    bpy.ops.ed.undo_push(message="Character")
    return ready


def test_a_take_moves_body_and_face_from_one_frame_for_as_long_as_the_sound(take: settings.UnderstudySettings) -> None:
    bpy.context.scene.frame_set(20)
    assert bpy.ops.understudy.generate_take() == {"FINISHED"}
    assert tuple(take.character.animation_data.action.frame_range) == (20.0, 66.0)
    assert value_keys(take.face)[0, 0] == 20 and value_keys(take.face)[-1, 0] == 67
    assert "neck" in {path.split('"')[1] for path, _ in curves.read_curves(curves.playing_slot(take.face.parent)) if "pose" in path}
    bpy.ops.ed.undo()
    assert len(bpy.data.actions) == 0


def test_the_length_of_a_take_can_be_the_body_s(take: settings.UnderstudySettings) -> None:
    take.speech.use_sound_length, take.use_seconds, take.seconds = False, True, 5.0
    bpy.ops.understudy.generate_take()
    assert tuple(take.character.animation_data.action.frame_range) == (1.0, 121.0)


def test_a_take_on_a_body_that_has_jaw_and_eyes_keys_them_with_it(take: settings.UnderstudySettings) -> None:
    """As SMPL-X's add-on has them: jaw and eyes are bones of the body's armature."""
    body = take.character
    bpy.context.view_layer.objects.active = body
    bpy.ops.object.mode_set(mode="EDIT")
    for name in ("jaw", "left_eye", "right_eye"):
        bone = body.data.edit_bones.new(name)
        bone.head, bone.tail = (0, 0, 1.6), (0, -0.1, 1.6)
        bone.parent = body.data.edit_bones["head"]
    bpy.ops.object.mode_set(mode="OBJECT")
    take.face = keyed_mesh(["jawOpen", "mouthClose"])
    take.face.parent = body
    assert bpy.ops.understudy.generate_take() == {"FINISHED"}
    slot = curves.playing_slot(body)
    paths = {path for path, _ in curves.read_curves(slot)}
    assert {'pose.bones["left_eye"].rotation_quaternion', 'pose.bones["left_knee"].rotation_quaternion'} <= paths
    names = sorted(bpy.data.actions.keys())
    take.seed += 1
    bpy.ops.understudy.generate_take()
    assert sorted(bpy.data.actions.keys()) == sorted([*names, "a person walks forward (seed 4)"])
    assert len(spoken_lines(take.face)) == 1


def test_a_body_with_a_face_of_its_own_speaks_and_turns_its_head(take: settings.UnderstudySettings) -> None:
    take.face = take.character.children[0]
    assert bpy.ops.understudy.generate_take() == {"FINISHED"}
    assert "head's turns" not in jobs.state.message and len(spoken_lines(take.face)) == 1
    turns = curves.read_curves(curves.playing_slot(take.character))['pose.bones["head"].rotation_quaternion', 1]
    assert np.ptp(turns[:, 1]) > 0.01  # the body that the worker makes stands still


@pytest.mark.parametrize("spoil", [
    lambda chosen: setattr(chosen.speech, "sound_file", "/nowhere/a.wav"),
    lambda chosen: lock_curves(chosen),
    lambda chosen: [bpy.data.objects.remove(each) for each in (chosen.face, chosen.character.children[0])],  # no face is left to be meant
])  # fmt: skip
def test_a_take_of_which_a_part_fails_leaves_nothing(take: settings.UnderstudySettings, spoil: Callable[..., object]) -> None:
    spoil(take)
    before = snapshot()
    with pytest.raises(RuntimeError):
        bpy.ops.understudy.generate_take()
    assert snapshot() == before and jobs.state.job is None


@needs_sound
def test_a_take_with_strips_that_last_too_long_is_refused_at_once(take: settings.UnderstudySettings, voice: Path) -> None:
    take.speech.source, take.speech.channel = "CHANNEL", 2
    add_strip(voice, 1, 2)
    add_strip(voice, 1 + 24 * 299 + 12, 2).name = "Late"
    before = snapshot()
    with pytest.raises(RuntimeError, match=r"sound lasts 301\.5 s, and a body can be moved for 300 s at once: set a length for the body"):
        bpy.ops.understudy.generate_take()
    assert snapshot() == before and jobs.state.job is None and not jobs.state.engine.is_running
    take.speech.use_sound_length = False
    assert bpy.ops.understudy.generate_take() == {"FINISHED"}


def test_the_engine_is_told_how_long_the_sound_of_a_take_may_be(take: settings.UnderstudySettings) -> None:
    for uses_sound, longest in ((True, MAX_SECONDS), (False, None)):
        take.speech.use_sound_length = uses_sound
        request = next(speech.take_from(bpy.context).steps())
        assert isinstance(request, FaceRequest) and request.longest_s == longest
    assert speech.task_from(bpy.context).spoken[0].request.longest_s is None


def test_a_take_is_refused_where_either_part_would_be(take: settings.UnderstudySettings) -> None:
    take.prompt = ""
    with pytest.raises(RuntimeError, match="prompt is empty"):
        bpy.ops.understudy.generate_take()
    take.prompt, take.speech.sound_file = "a person talks", ""
    with pytest.raises(RuntimeError, match="No sound is chosen"):
        bpy.ops.understudy.generate_take()
    assert isinstance(task := speech_task(take), FaceTask) and task.heard_in == "Scene"


def speech_task(chosen: settings.UnderstudySettings) -> FaceTask:
    chosen.speech.sound_file = "a.wav"
    return speech.task_from(bpy.context)
