"""A real Blender, driven through its interface by events, as an animator meets it. A picture of each step lies in out/gui."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from bench import Played
from judges import judge_first_keys, judge_keyed, judge_presence, judge_without_keys

Play = Callable[[str], Played]


def test_a_newcomer_gets_keys_in_six_clicks_and_one_sentence_and_undo_takes_them_away(played: Play) -> None:
    story = played("newcomer")
    seen = story.seen
    assert seen["finished"] and story.status == 0
    judge_presence(seen["presence"])
    judge_first_keys(seen)
    judge_without_keys(seen["undone"])
    judge_keyed(seen["redone"])
    assert seen["redone"]["action"] == seen["first"]["action"]
    judge_keyed(seen["again"])
    assert seen["again"]["action"] != seen["first"]["action"]
    assert seen["first"]["action"] in seen["again"]["actions"], "the motion before is not kept"
    assert all(users > 0 for users in seen["again"]["actions"].values()), "an Action that nobody holds is lost with the file"
    assert seen["played_to"] > 3


def test_cancel_in_the_middle_changes_nothing(played: Play) -> None:
    seen = played("cancelled").seen
    assert "Cancelled" in seen["after"]["message"] and not seen["after"]["is_error"]
    judge_without_keys(seen["after"])
    judge_keyed(seen["again"])


def test_a_killed_worker_is_told_and_the_next_generation_works(played: Play) -> None:
    seen = played("worker_killed").seen
    assert seen["after"]["is_error"] and "engine" in seen["after"]["message"].lower()
    judge_without_keys(seen["after"])
    assert not seen["again"]["is_error"]
    judge_keyed(seen["again"])


def test_a_range_made_anew_leaves_all_other_keys_and_is_one_step_back(played: Play) -> None:
    seen = played("range_redone").seen
    before, redone = seen["before"], seen["redone"]
    assert not redone["is_error"], redone["message"]
    judge_keyed(redone)
    assert redone["inside"] != before["inside"]
    assert before["n_outside"] > 1000 and all(redone[name] == before[name] for name in ("outside", "n_outside"))
    assert seen["undone"] == before


def test_a_voice_becomes_a_face(played: Play) -> None:
    face = played("voice_to_face").seen["face"]
    assert not face["is_error"] and face["action"] and face["largest"] > 0.1


def test_a_take_keys_body_and_face_and_is_one_step_back(played: Play) -> None:
    seen = played("take").seen
    body, face = seen["body"], seen["face"]
    assert not body["is_error"] and body["action"] and body["range"][0] == 1.0 and body["moved"] > 0.02
    assert face["action"] and face["largest"] > 0.1
    assert seen["undone"] == ["", ""]


def test_keys_still_play_after_saving_and_loading(played: Play) -> None:
    seen = played("saved_and_loaded").seen
    judge_keyed(seen["loaded"])
    assert seen["loaded"]["action"] == seen["before"]["action"]
    assert seen["loaded"]["moved"] == pytest.approx(seen["before"]["moved"], abs=1e-4)
    assert seen["played_to"] > 3


def test_the_engine_is_set_up_inside_blender_from_a_folder_of_wheels(played: Play) -> None:
    """Small wheels of the right names: what pip does with real ones is the same, and takes gigabytes."""
    seen = played("set_up_from_wheels").seen
    assert seen["state_before"] == "NOT_SET_UP" and seen["state"] == "READY", seen["said"]
    assert seen["steps"], "the bar said nothing"


def test_the_network_is_asked_for_and_the_set_up_fetches_from_an_index(played: Play) -> None:
    """From the tab to an engine in two clicks: Allow Online Access, Set Up Engine. The index is a folder; what is fetched is small."""
    seen = played("set_up_online").seen
    assert not seen["online_before"] and "may not go online yet" in seen["reason"] and "to fetch" in seen["offer"]
    assert seen["online"] and seen["clicks"] == 3, "one of them opens the tab"
    assert seen["state"] == "READY", seen["said"]
    assert seen["steps"], "the bar said nothing"


def test_weights_are_imported_and_removed_by_buttons(played: Play) -> None:
    seen = played("weights_imported").seen
    imported, removed = seen["imported"], seen["removed"]
    assert not imported["is_error"] and set(imported["models"]) == {"discord-humanml3d", "clip-vit-b32"}, imported["message"]
    assert not removed["is_error"] and removed["models"] == ["clip-vit-b32"], removed["message"]


def test_nothing_stays_when_the_extension_is_switched_off_and_taken_away(played: Play) -> None:
    """What the set-up made stays while it is off, and goes with it."""
    seen = played("removed").seen
    for kind in ("classes", "properties", "timers", "handlers", "threads", "processes", "preferences", "files", "environment"):
        assert seen["before"][kind], f"no {kind} were there: nothing is shown by there being none"
    kept = {kind: found for kind, found in seen["disabled"].items() if found}
    assert set(kept) == {"files", "environment"}
    assert {kind: found for kind, found in seen["removed"].items() if found} == {}


def test_quitting_at_work_leaves_no_process(played: Play) -> None:
    story = played("quit_at_work")
    assert story.seen["was_at_work"] and story.status == 0
    end = time.monotonic() + 15
    while _runs(story.seen["pid"]) and time.monotonic() < end:
        time.sleep(0.2)
    assert not _runs(story.seen["pid"])


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
