"""A seeded random face model of a thousandth of the usual size. `PYTHON tests/tiny_face_model.py FOLDER` writes it with the engine's Python."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))
from tiny_model import make_package_importable

if TYPE_CHECKING:
    from understudy.core.face_bundles import FaceConfigs

FACE_NAME = "tiny_face"


def tiny_face_configs(n_coefficients: int, n_actors: int, has_anchors: bool) -> FaceConfigs:
    from understudy.core.face.emotion_embedding import EmotionConfig
    from understudy.core.face.emotion_trunk import EmotionTrunkConfig
    from understudy.core.face.expression_tokens import ExpressionTokensConfig
    from understudy.core.face.speech_encoder import SpeechEncoderConfig
    from understudy.core.face.talker import TalkerConfig
    from understudy.core.face_bundles import FaceConfigs

    trunk = EmotionTrunkConfig(
        conv_width=4, width=12, n_first_layers=1, n_layers=1, n_heads=6, feed_forward=16, n_extra_tokens=2, n_position_convs=1,
        position_kernel=5, position_groups=2,
    )  # fmt: skip
    return FaceConfigs(
        SpeechEncoderConfig(conv_width=4, width=12, n_layers=1, n_heads=3, feed_forward=16, position_kernel=8, position_groups=2),
        EmotionConfig(trunk=trunk, n_layers=1, longest=40, expression=None, n_heads=4, feed_forward=8, embedding_width=6, pooling_width=4),
        TalkerConfig(
            speech_width=12, content_width=5, emotion_width=6, n_actors=n_actors, style_width=11, feature_width=7, top_width=8, n_codes=40,
            width=8, n_code_layers=1, n_heads=4, feed_forward=6,
        ),
        ExpressionTokensConfig(n_features=n_coefficients + 3, width=8, n_codes=40, n_heads=4, feed_forward=10, motion_feed_forward=11),
        None,
        has_anchors,
    )  # fmt: skip


def write_tiny_face(folder: Path, like_published: bool = False) -> None:
    """A bundle as training writes it, on the default head's shapes; or one on FLAME's directions that does not know emotions by name."""
    import torch

    from understudy.core.contract import ARKIT, FLAME_2020
    from understudy.core.contract.head import DEFAULT_HEAD, read_head
    from understudy.core.face_bundles import FORMAT, FaceCard, build_face_networks, save_face_bundle

    names = () if like_published else read_head(DEFAULT_HEAD).expression_names
    configs = tiny_face_configs(len(names) or 50, 3, not like_published)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        networks = build_face_networks(configs)
        # Else so small a talker hardly ever chooses other codes for another emotion
        networks.talker.condition_feature_layer.weight.data *= 8
        for book in (networks.tokens.quantize_t, networks.tokens.quantize_b):
            torch.nn.init.normal_(book.codebook.weight)
        if networks.anchors:
            networks.anchors.mean.copy_(torch.nn.functional.normalize(torch.randn_like(networks.anchors.mean), dim=-1))
            networks.anchors.log_variance.fill_(-3)
    space = FLAME_2020 if like_published else ARKIT
    card = FaceCard(FORMAT, folder.name, "Tiny face", "CC0-1.0", ("nobody",), space, ("a", "b", "c"), configs, coefficients=names)
    save_face_bundle(folder, card, networks)


if __name__ == "__main__":
    make_package_importable()
    write_tiny_face(Path(sys.argv[1]))
