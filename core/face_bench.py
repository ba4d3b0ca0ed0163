"""Time of a face's stages against the time of its sound, and whether an hour of sound needs more memory than a minute."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .bench_rows import Row, measured, n_parameters
from .contract import ARKIT, BadRequest, FaceRequest, Progress, Unload
from .face import whisper_encoder
from .face.emotion_embedding import EmotionDistribution
from .face.long_speech import DEFAULT_WINDOWS
from .face.sound_frames import FPS, SAMPLE_RATE, heard_frames
from .face.speech_to_face import Delivery, FaceNetworks, content_of_sound, emotion_of_sound, face_of_content
from .face_bundles import FORMAT, FaceCard, FaceConfigs, build_face_networks, save_face_bundle
from .measured_worker import answered, resident_megabytes, started_worker
from .service import pick_device

_NAME = "random"
_MINUTE_S = 60.0
_VOICE = "emotion of the voice"


def bench_faces(sizes: dict[str, FaceConfigs], seconds: float, repeats: int, device_name: str, threads: int | None) -> None:
    """Prints one table for each of the sizes, with random weights. Raises BadRequest for a length that no window has."""
    longest = DEFAULT_WINDOWS.longest / FPS
    if not 0.1 <= seconds <= longest:
        raise BadRequest(f"The bench speaks one window of 0.1 to {longest:g} s, not {seconds:g} s.")
    if threads:
        torch.set_num_threads(threads)
    device = pick_device(device_name)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(f"{where}, torch {torch.__version__}, {seconds:g} s of sound, median of {repeats}")
    for title, configs in sizes.items():
        _print_table(title, face_rows(configs, seconds, repeats, device), seconds)


def face_rows(configs: FaceConfigs, seconds: float, repeats: int, device: torch.device) -> list[Row]:
    """A row a stage, as the pipeline goes through them for every window."""
    networks = _random_networks(configs)
    assert isinstance(networks.speech, torch.nn.Module)
    for network in (networks.speech, networks.emotion, networks.talker, networks.tokens):
        network.to(device).eval().requires_grad_(False)
    sound = syllables(seconds)
    content, emotion = content_of_sound(networks, sound), emotion_of_sound(networks, sound)

    def row(stage: str, parts: tuple[torch.nn.Module, ...], work: Callable[[], object]) -> Row:
        took, megabytes = measured(work, repeats, device)
        return Row(stage, took, sum(map(n_parameters, parts)), megabytes)

    return [
        row("speech encoder", (networks.speech,), lambda: content_of_sound(networks, sound)),
        row(_VOICE, (networks.emotion.audio_encoder,), lambda: emotion_of_sound(networks, sound, content)),
        row("talker and decoder", (networks.talker, networks.tokens), lambda: _spoken(networks, content, sound, emotion)),
    ]


def _spoken(networks: FaceNetworks, content: torch.Tensor, sound: np.ndarray, emotion: EmotionDistribution) -> None:
    face_of_content(networks, content, heard_frames(len(sound)), emotion, Delivery())


def _print_table(title: str, rows: list[Row], seconds: float) -> None:
    print(f"\n{title}\n  {'stage':<24}{'ms':>9}{'x real time':>14}{'million parameters':>20}{'MB at work':>12}")
    known = sum(row.seconds for row in rows if row.stage != _VOICE)
    whole = sum(row.seconds for row in rows)
    for row in rows:
        print(
            f"  {row.stage:<24}{row.seconds * 1e3:>9.1f}{row.seconds / seconds:>14.4f}{row.parameters / 1e6:>20.2f}{row.megabytes:>12.0f}"
        )
    parameters = sum(row.parameters for row in rows)
    print(f"  {'all, as it sounds':<24}{whole * 1e3:>9.1f}{whole / seconds:>14.4f}{parameters / 1e6:>20.2f}")
    print(f"  {'all, emotion by name':<24}{known * 1e3:>9.1f}{known / seconds:>14.4f}")


@dataclass(frozen=True)
class FaceMemory:
    """Resident megabytes of a worker: before the first job; when a minute was spoken; at most after that; after Unload."""

    waiting: float
    after_a_minute: float
    highest_later: float
    unloaded: float


def bench_face_memory(configs: FaceConfigs, seconds: float, threads: int | None) -> None:
    """Prints what a worker on the CPU holds of a model of random weights while it speaks. Raises BadRequest below two minutes."""
    memory = measure_face_worker(configs, seconds, threads)
    print(
        f"worker, a face of {seconds / _MINUTE_S:g} min of sound: {memory.waiting:.0f} MB waiting, {memory.after_a_minute:.0f} MB after a"
        f" minute of it, {memory.highest_later:.0f} MB at most after that, {memory.unloaded:.0f} MB unloaded"
    )


def measure_face_worker(configs: FaceConfigs, seconds: float, threads: int | None) -> FaceMemory:
    """Of one face on the CPU, its memory looked at before each window. Not a number where there is no /proc."""
    if seconds < 2 * _MINUTE_S:
        raise BadRequest(f"Memory after a minute is compared with later: {seconds:g} s of sound are too short for that.")
    with tempfile.TemporaryDirectory() as folder:
        _write_random_model(Path(folder, _NAME), configs)
        voice = Path(folder, "voice.wav")
        write_syllables(voice, seconds)
        with started_worker(Path(folder), threads) as process:
            answered(process, Unload(1))
            waiting = resident_megabytes("VmRSS", process.pid)
            seen: list[tuple[float, float]] = []

            def look(progress: Progress) -> None:
                if progress.stage == "Speaking":
                    seen.append((progress.step / progress.total * seconds, resident_megabytes("VmRSS", process.pid)))

            answered(process, FaceRequest(2, str(voice), model=_NAME, device="cpu"), look)
            seen.append((seconds, resident_megabytes("VmRSS", process.pid)))
            answered(process, Unload(3))
            unloaded = resident_megabytes("VmRSS", process.pid)
    first = next(megabytes for spoken, megabytes in seen if spoken >= _MINUTE_S)
    return FaceMemory(waiting, first, max(megabytes for spoken, megabytes in seen if spoken >= _MINUTE_S), unloaded)


def syllables(seconds: float) -> np.ndarray:
    """(L,) seeded noise that is loud and quiet in turn, as speech is."""
    time = np.arange(round(SAMPLE_RATE * seconds)) / SAMPLE_RATE
    loudness = 0.02 + 0.1 * np.sin(2 * np.pi * 2 * time) ** 2
    return (np.random.default_rng(0).normal(size=len(time)) * loudness).astype(np.float32)


def write_syllables(path: Path, seconds: float) -> None:
    minute = (np.clip(syllables(_MINUTE_S), -1, 1) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        missing = round(seconds * SAMPLE_RATE)
        while missing > 0:
            file.writeframes(minute[:missing].tobytes())
            missing -= len(minute)


def _random_networks(configs: FaceConfigs) -> FaceNetworks:
    torch.manual_seed(0)
    return build_face_networks(configs, None if configs.speech else whisper_encoder.WhisperEncoder())


def _write_random_model(folder: Path, configs: FaceConfigs) -> None:
    networks = _random_networks(configs)
    actors = tuple(f"speaker {number}" for number in range(configs.talker.n_actors))
    names = tuple(f"shape {number}" for number in range(configs.tokens.n_features - 3))
    shared = "" if configs.speech else whisper_encoder.NAME
    card = FaceCard(FORMAT, _NAME, "Random", "CC0-1.0", (), ARKIT, actors, configs, coefficients=names, speech_encoder=shared)
    save_face_bundle(folder, card, networks)
