"""The published sets of body networks: their sizes, and how their authors sample from them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..body.clip_text import ClipTextConfig
from ..body.flow_decoder import FlowDecoderConfig
from ..body.humanml3d import HUMANML3D, KIT_ML, FeatureLayout
from ..body.motion_length import LengthConfig
from ..body.motion_tokens import TokenizerConfig
from ..body.token_transformer import TokenTransformerConfig
from ..checkpoints import BodyConfigs
from ..face_bundles import FaceConfigs
from .published_face import PUBLISHED_FACE

# What the official checkpoints have: HumanML3D's features, CLIP's vectors
PUBLISHED = BodyConfigs(TokenizerConfig(), TokenTransformerConfig(), TokenTransformerConfig(), FlowDecoderConfig(), LengthConfig())
_KIT_SHORTEST = 6  # tokens; its clips have 24 frames and more, HumanML3D's 40
_AMASS = "research only: trained on AMASS motions, the weights have no licence of their own"
_KIT_LICENCE = "research only: trained on KIT-ML motions, the weights have no licence of their own"
_CREDITS = (
    "MoMask: Generative Masked Modeling of 3D Human Motions (Guo et al., CVPR 2024)",
    "DisCoRD: Discrete Tokens to Continuous Motion via Rectified Flow Decoding (Cho et al., ICCV 2025)",
    "CLIP: Learning Transferable Visual Models From Natural Language Supervision (Radford et al., 2021), MIT",
)


@dataclass(frozen=True)
class PublishedSet:
    """One released set. guidance: of the base tokens in its authors' evaluation.

    options_name: what the authors' options call its data. folder_marks: names of folders that hold files of no other set;
    folder_ending: what their names end with, if anything.
    has_flow: whether a flow decoder was released; without one the tokenizer's own decoder makes the motion.
    """

    name: str
    title: str
    licence: str
    attribution: tuple[str, ...]
    representation: str
    layout: FeatureLayout
    networks: BodyConfigs
    guidance: float
    options_name: str
    folder_marks: tuple[str, ...]
    folder_ending: str = ""
    residual_guidance: float = 5.0
    has_flow: bool = True


HUMANML3D_SET = PublishedSet(
    name="humanml3d",
    title="DisCoRD and MoMask, as released for HumanML3D",
    licence=_AMASS,
    attribution=(*_CREDITS, "HumanML3D: Generating Diverse and Natural 3D Human Motions From Text (Guo et al., CVPR 2022)"),
    representation="humanml3d-263",
    layout=HUMANML3D,
    networks=PUBLISHED,
    guidance=4.0,
    options_name="t2m",
    folder_marks=("t2m", "humanml3d", "humanml3d_models"),
)
KIT_SET = PublishedSet(
    name="kit",
    title="MoMask, as released for KIT-ML",
    licence=_KIT_LICENCE,
    attribution=(*_CREDITS, "The KIT Motion-Language Dataset (Plappert et al., Big Data 2016)"),
    representation="kit-251",
    layout=KIT_ML,
    networks=replace(
        PUBLISHED,
        tokenizer=TokenizerConfig(n_features=KIT_ML.n_features),
        flow=FlowDecoderConfig(n_features=KIT_ML.n_features),
        length=LengthConfig(shortest=_KIT_SHORTEST),
    ),
    guidance=2.0,
    options_name="kit",
    folder_marks=("kit", "kit_models"),
    folder_ending="_k",
    has_flow=False,
)


@dataclass(frozen=True)
class PublishedSizes:
    """What may be imported: sets of body networks, the text tower that all of them were trained with, and DEEPTalk's networks."""

    sets: tuple[PublishedSet, ...] = (HUMANML3D_SET, KIT_SET)
    text: ClipTextConfig = ClipTextConfig()
    face: FaceConfigs = PUBLISHED_FACE
