"""Pipelines of seeded random networks, for every representation."""

from __future__ import annotations

import dataclasses

import torch

from understudy.core.body.features import LocalRotations, Representation
from understudy.core.body.humanml3d import FeatureLayout
from understudy.core.body.humanml3d_motion import HumanML3DMotion
from understudy.core.body.pipeline import BodyPipeline, SamplingSettings
from understudy.core.body.text_encoder import EncodedText
from understudy.core.checkpoints import BodyConfigs, build_networks


class OneVector:
    """The same vectors for every prompt."""

    name, pooled_width, word_width, n_parameters = "one", 384, 384, 0

    def encode(self, prompts: list[str]) -> EncodedText:
        words = torch.ones(len(prompts), 2, 384)
        return EncodedText(words[:, 0], words, torch.zeros(len(prompts), 2, dtype=torch.bool))


def pipeline_of(configs: BodyConfigs, layout: FeatureLayout, mean: float = 0.1) -> BodyPipeline:
    """With the features of the published weights."""
    n_features = layout.n_features
    representation = HumanML3DMotion(layout, torch.full((n_features,), mean), torch.full((n_features,), 0.1))
    return _pipeline(configs, representation)


def own_pipeline(configs: BodyConfigs, has_steps: bool = True) -> BodyPipeline:
    """With our own features, whose poses stay near the rest pose."""
    mean = torch.zeros(161)
    mean[3], mean[4:136] = 0.94, torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(22)
    return _pipeline(configs, LocalRotations(mean, torch.full((161,), 0.1)), SamplingSettings(has_steps=has_steps))


def _pipeline(configs: BodyConfigs, representation: Representation, settings: SamplingSettings | None = None) -> BodyPipeline:
    width = {"n_features": representation.n_features}
    tokenizer, flow = (dataclasses.replace(config, **width) for config in (configs.tokenizer, configs.flow))
    torch.manual_seed(2)
    networks = build_networks(dataclasses.replace(configs, tokenizer=tokenizer, flow=flow))
    for part in (networks.tokenizer, networks.tokens, networks.residual, networks.flow, networks.length, networks.matcher):
        assert part is not None
        part.eval().requires_grad_(False)
    for book in networks.tokenizer.quantizer.books:
        book.codebook.normal_()  # untrained they are all alike
    return BodyPipeline(networks, OneVector(), representation, settings or SamplingSettings(), torch.device("cpu"))
