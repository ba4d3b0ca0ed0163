"""Networks that learned from components give the same once they take the features themselves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from understudy.core.training.face import heard_components as module
from understudy.core.training.face.heard_components import condensed, heard_components


def features(n: int, width: int = 300) -> np.ndarray:
    generator = np.random.default_rng(3)
    hidden = generator.standard_normal((n, 280))
    return (hidden @ generator.standard_normal((280, width)) * np.geomspace(0.01, 10, width) + 5).astype(np.float16)


def test_components_have_deviation_one_and_do_not_depend_on_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EVERY", 1)
    heard = features(8_000)
    found = condensed(heard, heard_components(heard)).astype(np.float64)
    assert found.shape == (8_000, module.COMPONENTS)
    covariance = np.cov(found.T)
    assert np.allclose(np.diag(covariance), 1, atol=0.25)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 0.3


def test_a_layer_that_takes_them_in_gives_the_same() -> None:
    heard = features(12_000)
    components = heard_components(heard)
    torch.manual_seed(0)
    small = nn.Linear(module.COMPONENTS, 7)
    whole = components.taken_in(small)
    expected = small(torch.from_numpy(components.of(heard[:50])))
    assert torch.allclose(whole(torch.from_numpy(heard[:50].astype(np.float32))), expected, atol=1e-2)
