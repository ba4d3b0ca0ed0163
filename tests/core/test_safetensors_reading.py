"""Is a file read whole, whatever its size, and is what was copied from it free of it?"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from understudy.core import safetensors_reading
from understudy.core.safetensors_reading import stored_shapes, stored_tensors


@pytest.mark.parametrize("at_once", [1, 100, 1 << 20])
def test_every_tensor_comes_once_however_often_the_file_is_opened(at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safetensors_reading, "_AT_ONCE", at_once)
    tensors = {f"layer.{n}": torch.randn(n, 3).to(kind) for n, kind in enumerate((torch.float16, torch.float32, torch.float64), 1)}
    save_file(tensors | {"none": torch.zeros(0)}, tmp_path / "a.safetensors")
    found = [(name, tensor.clone()) for name, tensor in stored_tensors(tmp_path / "a.safetensors")]
    assert sorted(name for name, _ in found) == ["layer.1", "layer.2", "layer.3", "none"]
    assert all(torch.equal(tensor, tensors[name]) and tensor.dtype == tensors[name].dtype for name, tensor in found if name != "none")
    assert stored_shapes(tmp_path / "a.safetensors") == {name: tensor.shape for name, tensor in found}


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 100])
def test_another_file_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises((SafetensorError, OSError)):
        stored_shapes(tmp_path / "a.safetensors")
