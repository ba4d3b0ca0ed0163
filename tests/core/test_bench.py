"""The bench measures whatever networks there are."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from understudy.core import bench as bench_module
from understudy.core.__main__ import main
from understudy.core.bench import batch_sizes, bench
from understudy.core.body.flow_decoder import FlowDecoderConfig
from understudy.core.body.text_reader import ReaderConfig
from understudy.core.checkpoints import BodyConfigs
from understudy.core.contract import BadRequest
from understudy.core.worker_memory import WorkerMemory


@pytest.mark.parametrize(("left_out", "stages"), [
    ((), ["length estimator", "tokens, best of 4", "residual transformer"]),
    (("residual",), ["length estimator", "tokens, best of 4"]),
    (("residual", "matcher"), ["length estimator", "token transformer"]),
])  # fmt: skip
def test_every_stage_of_a_model_has_a_row(left_out: tuple[str, ...], stages: list[str], tiny_configs: BodyConfigs) -> None:
    configs = dataclasses.replace(tiny_configs, **dict.fromkeys(left_out))
    rows = bench_module._Stages(configs, torch.device("cpu"), 12, 1).rows()
    shaping = [f"flow decoder, {quality}" for quality in ("Draft", "Normal", "High")]
    assert [row.stage for row in rows] == [*stages, *shaping, "VQ decoder (not used)"]
    assert all(row.seconds > 0 and row.parameters > 0 for row in rows)


def test_the_starter_is_measured_with_its_reader(tiny_configs: BodyConfigs) -> None:
    shipped = bench_module._as_shipped(dataclasses.replace(tiny_configs, reader=ReaderConfig(width=16)))
    assert shipped.reader and shipped.reader.reading_width == shipped.tokens.text_width == 130
    rows = bench_module._Stages(shipped, torch.device("cpu"), 12, 1).rows()
    assert [row.stage for row in rows][:3] == ["length estimator", "reader", "tokens, best of 4"]
    assert all(row.seconds > 0 for row in rows)


def test_the_tables_add_up_what_is_used(
    tiny_configs: BodyConfigs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench_module, "STARTER", tiny_configs)
    monkeypatch.setattr(bench_module, "PUBLISHED", tiny_configs)
    monkeypatch.setattr(bench_module, "_encoder_row", lambda repeats: None)
    bench(1.0, 1, "cpu", None)
    starter, published = capsys.readouterr().out.split("published sizes")
    assert "residual transformer" not in starter and "residual transformer" in published and published.count("all, Normal") == 1


def test_the_curve_over_batch_sizes_ends_where_it_is_asked_to(
    tiny_configs: BodyConfigs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = dataclasses.replace(tiny_configs, matcher=None, flow=dataclasses.replace(tiny_configs.flow or FlowDecoderConfig(), refines=False))
    monkeypatch.setattr(bench_module, "PUBLISHED", plain)
    assert main(["bench", "--batches", "5", "--seconds", "1", "--repeats", "1"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.partition("MB at work")[2].splitlines() if line]
    assert [int(row[0]) for row in rows] == [1, 2, 4, 5]
    for row in rows:
        assert 0 < float(row[2]) == pytest.approx(float(row[1]) / int(row[0]), abs=0.1)


def test_a_processor_has_no_curve_unless_it_is_asked_for(
    tiny_configs: BodyConfigs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("STARTER", "PUBLISHED"):
        monkeypatch.setattr(bench_module, name, tiny_configs)
    monkeypatch.setattr(bench_module, "_encoder_row", lambda repeats: None)
    bench(1.0, 1, "cpu", None)
    assert "for a graphics card" in (said := capsys.readouterr().out) and "made at once" not in said
    assert main(["bench", "--batches", "0"]) == 1 and "give 1 or more" in capsys.readouterr().err


def test_batch_sizes_double() -> None:
    assert batch_sizes(64) == [1, 2, 4, 8, 16, 32, 64] and batch_sizes(1) == [1] and batch_sizes(6) == [1, 2, 4, 6]


@pytest.mark.parametrize("seconds", [-1.0, 10.0])
def test_a_length_that_is_no_window_is_told(seconds: float) -> None:
    with pytest.raises(BadRequest, match="one window"):
        bench(seconds, 1, "cpu", None)


def test_the_memory_of_a_worker_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether the numbers are right is a matter of test_worker_memory.py."""
    monkeypatch.setattr(bench_module, "measure_worker", lambda seconds, threads: WorkerMemory(37.0, 1060.0, 978.0, 272.0))
    assert main(["bench", "--memory", "--seconds", "4"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("worker, published sizes and CLIP, 4 s of motion: ") and len(said.splitlines()) == 1
    assert "37 MB waiting, 1060 MB at most, 978 MB with all loaded, 272 MB unloaded" in said
