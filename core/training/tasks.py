"""Puts together what each network needs for its training: corpus, encoded sentences, and the trained tokenizer before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..body import minilm
from ..body.features import LocalRotations
from ..body.motion_tokens import MotionTokenizer, TokenizerConfig
from ..body.pipeline import BodyNetworks
from ..body.text_reader import ReaderConfig, TextReader
from ..card_fields import dataclass_from_json
from ..checkpoints import BodyConfigs, BundleCard, load_text_encoder
from ..contract import BadRequest, UnderstudyError
from .corpus import Corpus
from .encoded_sentences import EncodedSentences, encode_sentences
from .evaluation.train_judge import JudgeTask
from .own_networks import load_own_networks
from .run import CHECKPOINT, Task, saved_config, saved_extra, trained_network
from .sizes import of_readings
from .text_motion import TextMotionSampler
from .train_flow import FlowTask, as_refining
from .train_length import LengthTask
from .train_matcher import MatcherTask
from .train_reader import ReaderTask, read_sentences
from .train_residual import ResidualTask
from .train_tokenizer import TokenizerTask
from .train_tokens import MaskTask

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Ingredients:
    """corpus_file: what `train prepare` wrote; folder: of the whole run, with one sub-folder a network.

    start_from: a bundle whose weights are trained further, instead of random ones.
    """

    corpus_file: Path
    folder: Path
    sizes: BodyConfigs
    device: torch.device
    report: Report
    start_from: Path | None = None

    def task(self, network: str) -> tuple[Task, Any]:
        """The task and its network's configuration. Raises UnderstudyError where something before it is missing."""
        task, config = self._fresh_task(network)
        if self.start_from:
            networks, representation, card = load_own_networks(self.start_from)
            weights = _starting_weights(networks, card, network, config, self.start_from, task.network.state_dict())
            task.network.load_state_dict(weights)
            if isinstance(task, TokenizerTask):
                task.start_from(representation)
        return task, config

    def _fresh_task(self, network: str) -> tuple[Task, Any]:
        corpus = self._corpus()
        if network == "judge":
            judge = JudgeTask(corpus, self._sentences(corpus), self.device)
            return judge, judge.network.config
        config = getattr(self.sizes, network)
        if network == "tokenizer":
            return TokenizerTask(corpus, config, self.device), config
        if network == "length":
            return LengthTask(corpus, config, self._sentences(corpus), self.device), config
        if network == "reader":
            reader = ReaderTask(corpus, config, self._sentences(corpus), self.device)
            return reader, reader.network.config
        tokenizer, representation = trained_tokenizer(self.folder)
        if network == "flow":
            return FlowTask(corpus, config, tokenizer, representation, self.device), config
        sentences = self._sentences(corpus)
        if found := trained_reader(self.folder):
            sentences, config = read_sentences(sentences, found), of_readings(config, found.config)
        samplers = [TextMotionSampler(corpus, split, sentences, tokenizer, representation) for split in ("train", "validation")]
        kinds = {"tokens": MaskTask, "residual": ResidualTask, "matcher": MatcherTask}
        return kinds[network](config, samplers[0], samplers[1], self.device), config

    def _corpus(self) -> Corpus:
        if not self.corpus_file.is_file():
            raise BadRequest(f"There is no corpus at {self.corpus_file}: make it with `python -m core train prepare`.")
        return Corpus.load(self.corpus_file)

    def _sentences(self, corpus: Corpus) -> EncodedSentences:
        if not corpus.sentences:
            raise BadRequest("The corpus has no sentences: prepare it again with --captions.")
        cache = self.corpus_file.with_suffix("")
        return encode_sentences(corpus.sentences, load_text_encoder(minilm.NAME), cache, self.report)


def _starting_weights(
    networks: BodyNetworks, card: BundleCard, network: str, config: Any, folder: Path, fresh: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The weights of a bundle's network as one with `config` and `fresh` weights takes them. Raises BadRequest where they do not fit."""
    found = getattr(networks, network, None)
    if found is None:
        raise BadRequest(f"{folder} has no {network} network to start from: train it without --start-from.")
    own, weights = getattr(card.networks, network), found.state_dict()
    if network == "flow" and own.predicts_motion and own == replace(config, refines=False) != config:
        return as_refining(weights, config.n_features)
    if network == "tokens" and own.text_width != config.text_width:
        # The bundle's network read other vectors: what it made of them is learnt anew
        own = replace(own, text_width=config.text_width)
        weights |= _parts_of(fresh, "cond_emb.")
    if network == "tokens" and not own.local_blocks:
        own = replace(own, local_blocks=config.local_blocks)
        weights |= _parts_of(fresh, "local_context.")
    if _sizes(own) != _sizes(config):
        raise BadRequest(f"The {network} network of {folder} has other sizes than --sizes asks for.")
    return weights


def _parts_of(weights: dict[str, Tensor], beginning: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in weights.items() if name.startswith(beginning)}


def _sizes(config: Any) -> Any:
    """A configuration but for its dropout, which no weight depends on."""
    return replace(config, dropout=0.0) if hasattr(config, "dropout") else config


def trained_reader(folder: Path) -> TextReader | None:
    """The reader of a run; None where it has none, and the other networks read for themselves."""
    run = folder / "reader"
    if not (run / CHECKPOINT).is_file():
        return None
    network = trained_network(run, TextReader(dataclass_from_json(ReaderConfig, saved_config(run))))
    assert isinstance(network, TextReader)
    return network


def trained_tokenizer(folder: Path) -> tuple[MotionTokenizer, LocalRotations]:
    """The tokenizer of a run and the representation that it was trained on."""
    run = folder / "tokenizer"
    if not (run / CHECKPOINT).is_file():
        raise UnderstudyError(f"{folder} has no trained tokenizer yet: train it first with `python -m core train tokenizer`.")
    config = dataclass_from_json(TokenizerConfig, saved_config(run))
    statistics = saved_extra(run)["statistics"]
    network = trained_network(run, MotionTokenizer(config))
    assert isinstance(network, MotionTokenizer)
    return network, LocalRotations(statistics["mean"], statistics["std"])
