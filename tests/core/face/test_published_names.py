"""Do the default networks have every parameter of the published checkpoints that counts, by name and shape, and is the rest known as dead?"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from understudy.core.face import emotion_embedding, expression_features, expression_tokens, speech_encoder, talker
from understudy.core.face.emotion_embedding import DynamicEmotionEmbedding
from understudy.core.face.expression_features import ExpressionFeatures
from understudy.core.face.expression_tokens import ExpressionTokenizer
from understudy.core.face.speech_encoder import SpeechEncoder
from understudy.core.face.talker import Talker

KEYS = Path(__file__).parent / "keys"
Shapes = dict[str, tuple[int, ...]]
# Table, beginning of the names in it, and what of it is not used: rules 1 and 2 of section 9.2 of the specification
NETWORKS: dict[str, tuple[Callable[[], nn.Module], str, str, str]] = {
    "speech": (
        lambda: SpeechEncoder(speech_encoder.PUBLISHED), "generator", "audio_model.model.",
        r"masked_spec_embed|encoder\.pos_conv_embed\.conv\.weight_[gv]",
    ),
    "emotion": (
        lambda: DynamicEmotionEmbedding(emotion_embedding.PUBLISHED), "dee", "",
        r"audio_encoder\.audio_(encoder|mean|uncertainty)_layer\..*|exp_encoder\.exp_(encoder|mean|uncertainty)_layer\..*"
        r"|audio_encoder\.embedding_model\.modality_encoders\.AUDIO\.decoder\..*",
    ),
    "talker": (lambda: Talker(talker.PUBLISHED), "generator", "sequence_decoder.", r"obj_vector\..*"),
    "tokens": (
        lambda: ExpressionTokenizer(expression_tokens.PUBLISHED), "th_vqvae", "",
        r"quantize_[tb]\.ema_.*|decoder_b\.post_transformer_linear\..*",
    ),
    "features": (
        lambda: ExpressionFeatures(expression_features.PUBLISHED), "fer", "", r"bn_layers\..*|hidden_layers\.5\..*|out_fc\..*",
    ),
}  # fmt: skip
# What has another name here than there
RENAMED = {
    "speech": {"encoder.pos_conv_embed.conv.weight": (768, 48, 128)},
    "talker": {"sequence_encoder.weight": (128, 768), "sequence_encoder.bias": (128,)},
}


def table(name: str) -> Shapes:
    lines = (KEYS / f"deeptalk_{name}.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {row[0]: tuple(int(size) for size in re.findall(r"\d+", row[1])) for row in rows}


def build(name: str) -> nn.Module:
    with torch.device("meta"):
        return NETWORKS[name][0]()


def shapes(network: nn.Module) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_name_and_shape(name: str) -> None:
    _, file, prefix, dead = NETWORKS[name]
    published = {key.removeprefix(prefix): shape for key, shape in table(file).items() if key.startswith(prefix)}
    alive = {key: shape for key, shape in published.items() if not re.fullmatch(dead, key)}
    assert shapes(build(name)) == alive | RENAMED.get(name, {})
    assert len(alive) < len(published)


def test_every_line_of_the_generators_table_belongs_to_a_network() -> None:
    known = ("audio_model.model.", "sequence_encoder.linear.", "sequence_decoder.")
    assert [key for key in table("generator") if not key.startswith(known)] == []
    assert {key: table("generator")[key] for key in table("generator") if key.startswith(known[1])} == {
        "sequence_encoder.linear.weight": (128, 768),
        "sequence_encoder.linear.bias": (128,),
    }


def test_numbers_of_parameters() -> None:
    """Section 9.2: 218.4 million remain, without the expression branch, which needs a file of its own."""
    count = {name: sum(parameter.numel() for parameter in build(name).parameters()) for name in NETWORKS}
    emotion = build("emotion")
    assert isinstance(emotion, DynamicEmotionEmbedding) and emotion.exp_encoder is not None
    of_faces = sum(parameter.numel() for parameter in emotion.exp_encoder.parameters())
    used = sum(count.values()) - count["features"] - of_faces
    never_read = 384 * 384 + 384  # decoder_b.post_transformer_linear, which that number has in it
    assert round((used + never_read) / 1e6, 1) == 218.4
    assert count["talker"] == 5_680_640 - 43 * 128 - 128, "obj_vector is dead"
    assert count["speech"] == 94_371_712 - 768 - 128, "masked_spec_embed is dead, weight_g is folded"
