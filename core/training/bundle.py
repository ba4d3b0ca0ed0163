"""From a finished run to a bundle that the service can load."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ..body import minilm
from ..body.representations import LOCAL_ROTATIONS
from ..card_fields import dataclass_from_json
from ..checkpoints import FORMAT, BodyConfigs, BundleCard, build_networks, save_bundle
from ..contract import UnderstudyError
from .run import CHECKPOINT, saved_config, trained_network
from .tasks import trained_tokenizer

# Residual codes of a small network are nearly even odds. To favour the likeliest of them bends a long walk into a circle
RESIDUAL_GUIDANCE, RESIDUAL_SHARE = 1.0, 1.0


@dataclass(frozen=True)
class Sampling:
    """How a new model is sampled. guidance: what it uses where the animator sets none; small networks go astray above 3.

    residual_layers: how many are generated; with 0 the residual network is left out. candidates: draws of which a matcher keeps the best;
    without a trained matcher there is one. temperature, choice_noise: as in UnmaskingSettings.
    """

    guidance: float
    residual_layers: int = 0
    candidates: int = 4
    temperature: float = 1.0
    choice_noise: float = 0.0


def make_bundle(
    run: Path, out: Path, title: str, licence: str, attribution: tuple[str, ...], sampling: Sampling, last: tuple[str, ...] = ()
) -> BundleCard:
    """The best weights of all networks of `run` as a bundle in `out`. Raises UnderstudyError naming a network not trained.

    last: networks of which the weights of the last step are taken, because what they obey still grows while held-out losses do.
    """
    names = [field.name for field in dataclasses.fields(BodyConfigs) if field.name != "residual" or sampling.residual_layers]
    trained = [name for name in names if (run / name / CHECKPOINT).is_file()]
    if missing := [name for name in names if name not in trained and name not in ("matcher", "reader")]:
        raise UnderstudyError(f"{run} has no trained {', '.join(missing)} yet: run `python -m core train {missing[0]}` first.")
    configs = dataclass_from_json(BodyConfigs, {"residual": None, **{name: saved_config(run / name) for name in trained}})
    _check_readings(configs, run)
    networks = build_networks(configs)
    for name in trained:
        network: Any = getattr(networks, name)
        assert isinstance(network, nn.Module)
        trained_network(run / name, network, name in last)
    _, representation = trained_tokenizer(run)
    card = BundleCard(
        FORMAT, out.name, title, licence, attribution, minilm.NAME, LOCAL_ROTATIONS, True,
        sampling.guidance, RESIDUAL_GUIDANCE, RESIDUAL_SHARE, configs,
        residual_layers=sampling.residual_layers, candidates=sampling.candidates if configs.matcher else 1,
        temperature=sampling.temperature, choice_noise=sampling.choice_noise,
    )  # fmt: skip
    return save_bundle(out, card, networks, representation)


def _check_readings(configs: BodyConfigs, run: Path) -> None:
    """Raises UnderstudyError where a network was trained before the run had its reader."""
    if not configs.reader:
        return
    readers = {"tokens": configs.tokens, "residual": configs.residual, "matcher": configs.matcher}
    old = [name for name, config in readers.items() if config and config.text_width != configs.reader.reading_width]
    if old:
        raise UnderstudyError(f"{run} has a reader that is newer than its {', '.join(old)}: train these again, or delete {run / 'reader'}.")
