"""Codebooks learn by moving averages, unused codes are replaced, and the encoder sees a straight-through gradient."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from understudy.core.body.motion_tokens import ResidualQuantizer
from understudy.core.training import codebook_updates
from understudy.core.training.codebook_updates import LAYER_DROPOUT, CodebookUpdates
from understudy.core.training.moving_codes import DECAY, UNUSED_SHARE

CODES, WIDTH, LAYERS = 6, 4, 3


@pytest.fixture
def without_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest code is always chosen, and every layer is used."""
    monkeypatch.setattr(codebook_updates, "CHOICE_TEMPERATURE", 1e-9)
    monkeypatch.setattr(codebook_updates, "LAYER_DROPOUT", 0.0)


def started(n_layers: int = LAYERS, vectors: int = 64) -> tuple[ResidualQuantizer, CodebookUpdates]:
    quantizer = ResidualQuantizer(n_layers, CODES, WIDTH)
    updates = CodebookUpdates(quantizer)
    updates.quantize(torch.randn(2, vectors // 2, WIDTH))
    return quantizer, updates


def test_codes_begin_as_vectors_of_the_first_batch(without_chance: None) -> None:
    quantizer = ResidualQuantizer(1, CODES, WIDTH)
    latents = torch.randn(4, 8, WIDTH)
    CodebookUpdates(quantizer).quantize(latents)
    nearest = torch.cdist(quantizer.books[0].codebook, latents.flatten(0, 1)).amin(-1)
    assert float(nearest.max()) < 0.2 * float(latents.norm(dim=-1).mean())


def test_a_code_is_the_moving_average_of_the_vectors_that_chose_it(without_chance: None) -> None:
    quantizer, updates = started(n_layers=1)
    state = updates.state()
    book, counts, sums = (array.double().numpy().copy() for array in (quantizer.books[0].codebook, state["counts"][0], state["sums"][0]))
    for _ in range(5):
        latents = torch.randn(2, 40, WIDTH)
        vectors = latents.flatten(0, 1).double().numpy()
        chosen = np.linalg.norm(vectors[:, None] - book[None], axis=-1).argmin(-1)
        for code in range(CODES):
            mine = vectors[chosen == code]
            counts[code] = DECAY * counts[code] + (1 - DECAY) * len(mine)
            sums[code] = DECAY * sums[code] + (1 - DECAY) * mine.sum(0)
        updates.quantize(latents)
        used = counts >= UNUSED_SHARE * counts.mean()
        found = quantizer.books[0].codebook.double().numpy()
        assert np.allclose(found[used], (sums / counts[:, None])[used], atol=1e-5)
        book = found.copy()
    assert used.sum() >= 2


def test_a_code_that_nothing_chooses_becomes_a_vector_of_the_batch(without_chance: None) -> None:
    quantizer, updates = started(n_layers=1)
    quantizer.books[0].codebook[2] = 1e6
    latents = torch.randn(2, 40, WIDTH)
    for _ in range(100):
        updates.quantize(latents)
        quantizer.books[0].codebook[3] = -1e6
    found = quantizer.books[0].codebook[2]
    assert float((latents.flatten(0, 1) - found).norm(dim=-1).min()) < 1.0


def test_all_codes_are_in_use_after_a_while() -> None:
    quantizer, updates = started(n_layers=1)
    centres = torch.randn(CODES, WIDTH) * 5
    for _ in range(300):
        latents = centres[torch.randint(CODES, (2, 60))] + 0.05 * torch.randn(2, 60, WIDTH)
        updates.quantize(latents)
    assert len(quantizer.encode(latents).unique()) == CODES


def test_values_are_sums_of_codes_and_the_gradient_goes_straight_through(without_chance: None) -> None:
    quantizer, updates = started()
    before = [book.codebook.clone() for book in quantizer.books]
    latents = torch.randn(2, 10, WIDTH, requires_grad=True)
    quantised, _, _ = updates.quantize(latents)
    expected, residual = torch.zeros(2, 10, WIDTH), latents.detach()
    for book in before:
        code = book[torch.cdist(residual, book).argmin(-1)]
        expected, residual = expected + code, residual - code
    assert torch.allclose(quantised, expected, atol=1e-5)
    weights = torch.randn(2, 10, WIDTH)
    (quantised * weights).sum().backward()
    assert latents.grad is not None and torch.equal(latents.grad, weights)


def test_the_commitment_is_what_every_layer_leaves_over_and_pulls_the_latents_to_the_codes(without_chance: None) -> None:
    quantizer, updates = started()
    before = [book.codebook.clone() for book in quantizer.books]
    latents = torch.randn(2, 10, WIDTH, requires_grad=True)
    _, commitment, _ = updates.quantize(latents)
    residual, losses = latents.detach(), []
    for book in before:
        residual = residual - book[torch.cdist(residual, book).argmin(-1)]
        losses.append(float(residual.square().mean()))
    assert float(commitment.detach()) == pytest.approx(np.mean(losses), rel=1e-4)
    commitment.backward()
    assert latents.grad is not None and float(latents.grad.abs().sum()) > 0


def test_perplexity_is_the_number_of_codes_used_evenly(without_chance: None) -> None:
    quantizer, updates = started(n_layers=1)
    quantizer.books[0].codebook.copy_(torch.eye(CODES, WIDTH) * 10 + torch.arange(CODES)[:, None])
    latents = quantizer.books[0].codebook[torch.tensor([[0, 1, 2, 0, 1, 2]])]
    assert updates.quantize(latents)[2] == pytest.approx(3.0, rel=1e-4)


def test_a_fifth_of_the_batches_leaves_out_some_last_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    quantizer, updates = started()
    used = [updates._layers_of_this_batch() for _ in range(6000)]
    # Of the dropped ones a share of 1 / LAYERS keeps all layers by chance
    shares = [np.mean([layers == count for layers in used]) for count in range(1, LAYERS + 1)]
    assert shares[:-1] == pytest.approx([LAYER_DROPOUT / LAYERS] * (LAYERS - 1), abs=0.015)
    assert shares[-1] == pytest.approx(1 - LAYER_DROPOUT + LAYER_DROPOUT / LAYERS, abs=0.02)
    monkeypatch.setattr(updates, "_layers_of_this_batch", lambda: 1)
    before = [book.codebook.clone() for book in quantizer.books]
    updates.quantize(torch.randn(2, 20, WIDTH))
    assert [torch.equal(old, book.codebook) for old, book in zip(before, quantizer.books, strict=True)] == [False, True, True]


def test_the_first_batch_starts_every_layer() -> None:
    for seed in range(10):
        torch.manual_seed(seed)
        quantizer, _ = started()
        assert all(float(book.codebook.abs().sum()) > 0 for book in quantizer.books)


def test_fewer_vectors_than_codes_are_enough_to_start(without_chance: None) -> None:
    quantizer = ResidualQuantizer(1, 32, WIDTH)
    CodebookUpdates(quantizer).quantize(torch.randn(1, 5, WIDTH))
    assert bool(torch.isfinite(quantizer.books[0].codebook).all())
    assert len(quantizer.books[0].codebook.unique(dim=0)) == 32


def test_the_state_goes_on_where_it_was(without_chance: None) -> None:
    quantizer, updates = started()
    again = ResidualQuantizer(LAYERS, CODES, WIDTH)
    again.load_state_dict(quantizer.state_dict())
    resumed = CodebookUpdates(again)
    resumed.load_state(copy.deepcopy(updates.state()))
    latents = torch.randn(2, 20, WIDTH)
    for each in (updates, resumed):
        torch.manual_seed(5)
        each.quantize(latents)
    assert all(torch.equal(a.codebook, b.codebook) for a, b in zip(quantizer.books, again.books, strict=True))


def test_a_code_that_is_chosen_rarely_stays(without_chance: None) -> None:
    """Use is never even: a code with a fifth of the even share has something to say."""
    quantizer, updates = started(n_layers=1)
    centres = torch.eye(CODES, WIDTH) * 10 + torch.arange(CODES)[:, None]
    quantizer.books[0].codebook.copy_(centres)
    updates.load_state({"sums": [centres.clone()], "counts": [torch.ones(CODES)], "started": True})
    rare = torch.tensor([0] + [1, 2, 3, 4, 5] * 6)[None]  # one in 31 where an even share is one in six
    for _ in range(400):
        updates.quantize(centres[rare])
    assert torch.allclose(quantizer.books[0].codebook, centres, atol=1e-3)


def test_going_on_takes_the_codebooks_as_they_are(without_chance: None) -> None:
    quantizer = ResidualQuantizer(1, CODES, WIDTH)
    centres = torch.eye(CODES, WIDTH) * 10 + torch.arange(CODES)[:, None]
    quantizer.books[0].codebook.copy_(centres)
    updates = CodebookUpdates(quantizer)
    updates.go_on()
    updates.quantize(centres[None])
    assert torch.allclose(quantizer.books[0].codebook, centres, atol=1e-5)
