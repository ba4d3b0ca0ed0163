"""Models of faces: one folder with safetensors and a card, as body models have them; the card's name tells the two kinds apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from .bundle_weights import built, fill, read_safetensors, weights_of
from .card_fields import dataclass_to_json, read_card_file
from .contract import WeightsError, flame_expression_names
from .emotion_voices import read_emotion_voices
from .face import whisper_encoder
from .face.emotion_anchors import EmotionAnchors
from .face.emotion_embedding import DynamicEmotionEmbedding, EmotionConfig
from .face.expression_features import ExpressionFeatures, ExpressionFeaturesConfig
from .face.expression_tokens import ExpressionTokenizer, ExpressionTokensConfig
from .face.long_speech import WindowSettings
from .face.pipeline import FaceBasis, FacePipeline
from .face.sound_reader import SoundReader
from .face.speech_encoder import SpeechEncoder, SpeechEncoderConfig
from .face.speech_to_face import N_JAW, FaceNetworks
from .face.talker import Talker, TalkerConfig
from .model_folders import find_model, typed_model
from .weights_manifest import INSTALL_AGAIN, WEIGHTS_FOLDER, check_file, file_sha256, verified

CARD_FILE, WEIGHTS_FILE = "face.json", "model.safetensors"
FORMAT = "understudy face bundle 1"


@dataclass(frozen=True)
class FaceConfigs:
    """The configuration of every network of a bundle.

    speech: None where the card names a shared encoder. features: None for one that reads no emotions from faces.
    has_anchors: it learned where emotions lie by their names.
    """

    speech: SpeechEncoderConfig | None
    emotion: EmotionConfig
    talker: TalkerConfig
    tokens: ExpressionTokensConfig
    features: ExpressionFeaturesConfig | None
    has_anchors: bool = False


@dataclass(frozen=True)
class FaceCard:
    """What a bundle says of itself. face_space: the basis that its coefficients belong to; actors: names of its speakers.

    coefficients: their names in this space; none for FLAME's first directions. speech_encoder: name of the shared one that is not in
    its own file, "" for one that is.
    bytes, sha256: of its safetensors; origin: the files that an imported one was made of. one_pass: frames of a clip that is spoken
    whole, 0 where every clip is cut into windows.
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
    speech_encoder: str = ""
    one_pass: int = 0

    def __post_init__(self) -> None:
        if bool(self.speech_encoder) == bool(self.networks.speech):
            raise ValueError("a speech encoder is either of its own or shared")
        if len(self.actors) != self.networks.talker.n_actors:
            raise ValueError(f"{len(self.actors)} names for {self.networks.talker.n_actors} actors")
        n_coefficients = self.networks.tokens.n_features - N_JAW
        if self.coefficients and len(self.coefficients) != n_coefficients:
            raise ValueError(f"{len(self.coefficients)} names for {n_coefficients} coefficients")

    @property
    def basis(self) -> FaceBasis:
        names = self.coefficients or flame_expression_names(self.networks.tokens.n_features - N_JAW)
        return FaceBasis(self.face_space, names)


def build_face_networks(configs: FaceConfigs, shared: SoundReader | None = None) -> FaceNetworks:
    """Networks with random weights, but for a shared speech encoder. Raises ValueError where one does not give what the next one takes."""
    speech = SpeechEncoder(configs.speech) if configs.speech else shared
    if speech is None:
        raise ValueError("it has no speech encoder")
    _check_fit(configs, speech.width)
    return FaceNetworks(
        speech,
        DynamicEmotionEmbedding(configs.emotion),
        Talker(configs.talker),
        ExpressionTokenizer(configs.tokens),
        ExpressionFeatures(configs.features) if configs.features else None,
        EmotionAnchors(configs.talker.emotion_width) if configs.has_anchors else None,
    )


def face_parts(networks: FaceNetworks) -> dict[str, nn.Module]:
    """The networks that there are, by their places in a bundle; a shared speech encoder has none."""
    own = {name: part for name, part in vars(networks).items() if part is not None}
    return {name: part for name, part in own.items() if not isinstance(part, whisper_encoder.WhisperEncoder)}


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


def save_face_bundle(folder: Path, card: FaceCard, networks: FaceNetworks, exact: tuple[str, ...] = ()) -> FaceCard:
    """Writes float16 weights and the card with their size and sha256; gives that card. exact: tensors that float16 would harm."""
    tensors = {
        name: (tensor.float() if name in exact else tensor.half()).contiguous() for name, tensor in weights_of(face_parts(networks)).items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / WEIGHTS_FILE
    save_file(tensors, weights)
    weights.chmod(0o644)
    card = replace(card, bytes=weights.stat().st_size, sha256=file_sha256(weights))
    write_face_card(folder, card)
    return card


def load_face_pipeline(folder: Path, device: torch.device) -> tuple[FacePipeline, FaceCard]:
    """A bundle ready to speak. Raises WeightsError as `load_face_networks` does."""
    networks, card = load_face_networks(folder, device)
    return FacePipeline(networks, card.basis, read_emotion_voices, WindowSettings(one_pass=card.one_pass)), card


def load_face_networks(folder: Path, device: torch.device) -> tuple[FaceNetworks, FaceCard]:
    """A bundle ready to speak. Raises WeightsError for anything missing, cut off, changed or of the wrong shape."""
    card = read_face_card(folder)
    check_file(folder / WEIGHTS_FILE, card.bytes, card.sha256, "import the model again" if card.origin else INSTALL_AGAIN)
    shared = load_speech_encoder(card.speech_encoder) if card.speech_encoder else None
    networks = built(lambda: build_face_networks(card.networks, shared), card.name)
    if shared:
        shared.to(device)
    parts = face_parts(networks)
    fill(weights_of(parts), folder / WEIGHTS_FILE, card.name)
    for network in parts.values():
        network.to(device).eval().requires_grad_(False)
    return networks, card


def load_speech_encoder(name: str, folder: Path = WEIGHTS_FOLDER) -> whisper_encoder.WhisperEncoder:
    """The encoder that bundles share. Raises WeightsError for an unknown name or other files."""
    if name != whisper_encoder.NAME:
        raise WeightsError(f"The speech encoder {name} is not known to this version: install the newest.")
    return whisper_encoder.load(read_safetensors(verified(f"whisper/{whisper_encoder.WEIGHTS_FILE}", folder)))


def _check_fit(configs: FaceConfigs, speech_width: int) -> None:
    talker, expression, reading = configs.talker, configs.emotion.expression, configs.emotion.speech
    if (expression is None) != (configs.features is None):
        raise ValueError("a branch for faces and features of faces come together")
    shared = {
        "speech width": {speech_width, talker.speech_width, reading.speech_width if reading else speech_width},
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
