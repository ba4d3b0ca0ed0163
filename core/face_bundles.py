"""Models of faces: one folder with safetensors and a card, as body models have them; the card's name tells the two kinds apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from .bundle_weights import built, fill, weights_of
from .card_fields import dataclass_to_json, read_card_file
from .contract import flame_expression_names
from .emotion_voices import read_emotion_voices
from .face.emotion_anchors import EmotionAnchors
from .face.emotion_embedding import DynamicEmotionEmbedding, EmotionConfig
from .face.expression_features import ExpressionFeatures, ExpressionFeaturesConfig
from .face.expression_tokens import ExpressionTokenizer, ExpressionTokensConfig
from .face.pipeline import FaceBasis, FacePipeline
from .face.speech_encoder import SpeechEncoder, SpeechEncoderConfig
from .face.speech_to_face import N_JAW, FaceNetworks
from .face.talker import Talker, TalkerConfig
from .model_folders import find_model, typed_model
from .weights_manifest import INSTALL_AGAIN, WEIGHTS_FOLDER, check_file

CARD_FILE, WEIGHTS_FILE = "face.json", "model.safetensors"
FORMAT = "understudy face bundle 1"


@dataclass(frozen=True)
class FaceConfigs:
    """The configuration of every network of a bundle.

    features: None for one that reads no emotions from faces. has_anchors: it learned where emotions lie by their names.
    """

    speech: SpeechEncoderConfig
    emotion: EmotionConfig
    talker: TalkerConfig
    tokens: ExpressionTokensConfig
    features: ExpressionFeaturesConfig | None
    has_anchors: bool = False


@dataclass(frozen=True)
class FaceCard:
    """What a bundle says of itself. face_space: the basis that its coefficients belong to; actors: names of its speakers.

    coefficients: their names in this space; none for FLAME's first directions.
    bytes, sha256: of its safetensors; origin: the files that an imported one was made of.
    """

    format: str
    name: str
    title: str
    licence: str
    attribution: tuple[str, ...]
    face_space: str
    actors: tuple[str, ...]
    networks: FaceConfigs
    bytes: int = 0
    sha256: str = ""
    origin: tuple[str, ...] = ()
    coefficients: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.actors) != self.networks.talker.n_actors:
            raise ValueError(f"{len(self.actors)} names for {self.networks.talker.n_actors} actors")
        n_coefficients = self.networks.tokens.n_features - N_JAW
        if self.coefficients and len(self.coefficients) != n_coefficients:
            raise ValueError(f"{len(self.coefficients)} names for {n_coefficients} coefficients")

    @property
    def basis(self) -> FaceBasis:
        names = self.coefficients or flame_expression_names(self.networks.tokens.n_features - N_JAW)
        return FaceBasis(self.face_space, names)


def build_face_networks(configs: FaceConfigs) -> FaceNetworks:
    """Networks with random weights. Raises ValueError where one does not give what the next one takes."""
    _check_fit(configs)
    return FaceNetworks(
        SpeechEncoder(configs.speech),
        DynamicEmotionEmbedding(configs.emotion),
        Talker(configs.talker),
        ExpressionTokenizer(configs.tokens),
        ExpressionFeatures(configs.features) if configs.features else None,
        EmotionAnchors(configs.talker.emotion_width) if configs.has_anchors else None,
    )


def face_parts(networks: FaceNetworks) -> dict[str, nn.Module]:
    """The networks that there are, by their places in a bundle."""
    return {name: network for name, network in vars(networks).items() if network is not None}


def find_face_bundle(model: str, folders: tuple[Path, ...] = (WEIGHTS_FOLDER,)) -> Path:
    """The folder of a face model by its name, or by its own full path. Raises WeightsError naming the face models there are."""
    return find_model(model, folders, CARD_FILE, "face model")


def typed_face_bundle(model: str) -> str:
    """A face model as somebody typed it at a command line, made fit for `find_face_bundle`."""
    return typed_model(model, CARD_FILE)


def write_face_card(folder: Path, card: FaceCard) -> None:
    dataclass_to_json(folder / CARD_FILE, card)


def read_face_card(folder: Path) -> FaceCard:
    """Raises WeightsError for a folder that is not a face bundle of this format."""
    missing = f"There is no face model in {folder}: {CARD_FILE} is missing. Choose another model."
    return read_card_file(FaceCard, folder / CARD_FILE, FORMAT, missing)


def load_face_pipeline(folder: Path, device: torch.device) -> tuple[FacePipeline, FaceCard]:
    """A bundle ready to speak. Raises WeightsError as `load_face_networks` does."""
    networks, card = load_face_networks(folder, device)
    return FacePipeline(networks, card.basis, read_emotion_voices), card


def load_face_networks(folder: Path, device: torch.device) -> tuple[FaceNetworks, FaceCard]:
    """A bundle ready to speak. Raises WeightsError for anything missing, cut off, changed or of the wrong shape."""
    card = read_face_card(folder)
    check_file(folder / WEIGHTS_FILE, card.bytes, card.sha256, "import the model again" if card.origin else INSTALL_AGAIN)
    networks = built(lambda: build_face_networks(card.networks), card.name)
    parts = face_parts(networks)
    fill(weights_of(parts), folder / WEIGHTS_FILE, card.name)
    for network in parts.values():
        network.to(device).eval().requires_grad_(False)
    return networks, card


def _check_fit(configs: FaceConfigs) -> None:
    talker, expression = configs.talker, configs.emotion.expression
    if (expression is None) != (configs.features is None):
        raise ValueError("a branch for faces and features of faces come together")
    shared = {
        "speech width": {configs.speech.width, talker.speech_width},
        "emotion width": {configs.emotion.embedding_width, talker.emotion_width},
        "codes": {configs.tokens.n_codes, talker.n_codes},
        "top codes' width": {configs.tokens.width, talker.top_width},
    }
    if expression and configs.features:
        shared["features"] = {configs.features.widths[-1], expression.n_inputs}
        shared["coefficients"] = {configs.features.n_inputs, configs.tokens.n_features}
    for what, sizes in shared.items():
        if len(sizes) > 1:
            raise ValueError(f"{what}: {' and '.join(map(str, sorted(sizes)))}")
