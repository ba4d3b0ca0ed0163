"""Bundles: a model as one folder with safetensors and a card, written by training and read by the service."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from .body import clip_text, minilm
from .body.features import LocalRotations, Representation
from .body.flow_decoder import FlowDecoderConfig, RectifiedFlowDecoder
from .body.motion_length import LengthConfig, LengthEstimator
from .body.motion_tokens import MotionTokenizer, TokenizerConfig
from .body.pipeline import BodyNetworks, BodyPipeline, SamplingSettings
from .body.representations import REPRESENTATIONS
from .body.residual_tokens import ResidualSettings, ResidualTransformer
from .body.text_encoder import TextEncoder
from .body.text_reader import ReaderConfig, TextReader
from .body.token_generator import MaskTransformer, UnmaskingSettings
from .body.token_matcher import MatcherConfig, TokenMatcher
from .body.token_transformer import TokenTransformerConfig
from .bundle_weights import built, fill, read_safetensors, weights_of
from .card_fields import dataclass_to_json, read_card_file
from .contract import WeightsError, user_models_folder
from .model_folders import find_model, typed_model
from .ready_networks import make_quick, make_ready
from .saved_clip import load_saved
from .weights_manifest import INSTALL_AGAIN, WEIGHTS_FOLDER, check_file, file_sha256, verified

CARD_FILE, WEIGHTS_FILE = "bundle.json", "model.safetensors"
FORMAT = "understudy body bundle 1"
MAX_CANDIDATES = 16


@dataclass(frozen=True)
class BodyConfigs:
    """The configuration of every network of a bundle."""

    tokenizer: TokenizerConfig
    tokens: TokenTransformerConfig
    residual: TokenTransformerConfig | None
    flow: FlowDecoderConfig | None
    length: LengthConfig
    matcher: MatcherConfig | None = None
    reader: ReaderConfig | None = None


@dataclass(frozen=True)
class BundleCard:
    """What a bundle says of itself. residual_share: part of the codes that may be drawn.

    residual_layers: how many layers of residual tokens are generated; candidates: draws that a matcher chooses from.
    temperature, choice_noise: of the base tokens, as in UnmaskingSettings.
    bytes, sha256: of its safetensors; origin: the files that an imported one was made of.
    """

    format: str
    name: str
    title: str
    licence: str
    attribution: tuple[str, ...]
    text_encoder: str
    representation: str
    has_steps: bool
    guidance: float
    residual_guidance: float
    residual_share: float
    networks: BodyConfigs
    bytes: int = 0
    sha256: str = ""
    residual_layers: int = 5
    candidates: int = 1
    temperature: float = 1.0
    choice_noise: float = 0.0
    origin: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.residual_share <= 1:
            raise ValueError(f"residual_share is {self.residual_share}")
        if not 1 <= self.candidates <= MAX_CANDIDATES:
            raise ValueError(f"candidates is {self.candidates}")
        if self.temperature <= 0:
            raise ValueError(f"temperature is {self.temperature}")
        if self.residual_layers > 0 and not self.networks.residual:
            raise ValueError(f"residual_layers is {self.residual_layers}, but there is no residual network")


def build_networks(configs: BodyConfigs) -> BodyNetworks:
    """Networks with random weights."""
    return BodyNetworks(
        MotionTokenizer(configs.tokenizer),
        MaskTransformer(configs.tokens),
        ResidualTransformer(configs.residual) if configs.residual else None,
        RectifiedFlowDecoder(configs.flow) if configs.flow else None,
        LengthEstimator(configs.length),
        TokenMatcher(configs.matcher) if configs.matcher else None,
        TextReader(configs.reader) if configs.reader else None,
    )


def save_bundle(folder: Path, card: BundleCard, networks: BodyNetworks, representation: LocalRotations) -> BundleCard:
    """Writes float16 weights and the card with their size and sha256; gives that card."""
    tensors = {name: tensor.half().contiguous() for name, tensor in weights_of(networks.present()).items()}
    # Statistics stay in float32: float16 would shift the root over a long clip
    tensors |= {"features.mean": representation.mean.float(), "features.std": representation.std.float()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS_FILE)
    weights = folder / WEIGHTS_FILE
    weights.chmod(0o644)
    card = dataclasses.replace(card, bytes=weights.stat().st_size, sha256=file_sha256(weights))
    write_card(folder, card)
    return card


def write_card(folder: Path, card: BundleCard) -> None:
    dataclass_to_json(folder / CARD_FILE, card)


def read_card(folder: Path) -> BundleCard:
    """Raises WeightsError for a folder that is not a bundle of this format."""
    missing = f"There is no model in {folder}: {CARD_FILE} is missing. Choose another model in the preferences."
    return read_card_file(BundleCard, folder / CARD_FILE, FORMAT, missing)


def find_bundle(model: str, folders: tuple[Path, ...] = (WEIGHTS_FOLDER,)) -> Path:
    """The folder of a body model by its name, or by its own full path. Raises WeightsError naming the models there are."""
    return find_model(model, folders, CARD_FILE)


def typed_bundle(model: str) -> str:
    """A body model as somebody typed it at a command line, made fit for `find_bundle`."""
    return typed_model(model, CARD_FILE)


def load_pipeline(folder: Path, device: torch.device) -> tuple[BodyPipeline, BundleCard]:
    """A bundle ready to generate. Raises WeightsError for anything missing, cut off, changed or of the wrong shape."""
    networks, representation, card = load_networks(folder)
    pipeline = assembled(networks, representation, card, device, (folder.parent,))
    make_quick(networks, device)
    return pipeline, card


def assembled(
    networks: BodyNetworks, representation: Representation, card: BundleCard, device: torch.device, encoder_folders: tuple[Path, ...] = ()
) -> BodyPipeline:
    """The pipeline of a bundle's parts. Raises WeightsError where they do not fit together."""
    make_ready(networks, device)
    encoder = load_text_encoder(card.text_encoder, encoder_folders=encoder_folders)
    _check_fit(card, encoder)
    unmasking = UnmaskingSettings(guidance=card.guidance, temperature=card.temperature, choice_noise=card.choice_noise)
    residual = ResidualSettings(card.residual_guidance, share=card.residual_share, layers=card.residual_layers)
    return BodyPipeline(networks, encoder, representation, SamplingSettings(unmasking, residual, card.has_steps, card.candidates), device)


def load_networks(folder: Path) -> tuple[BodyNetworks, Representation, BundleCard]:
    """The networks of a bundle on the CPU, and the features that they work with. Raises WeightsError as `load_pipeline` does."""
    card = read_card(folder)
    if card.representation not in REPRESENTATIONS:
        raise WeightsError(
            f'The model "{card.name}" uses the representation {card.representation}, which this version does not know: install the newest.'
        )
    check_file(folder / WEIGHTS_FILE, card.bytes, card.sha256, "import the model again" if card.origin else INSTALL_AGAIN)
    networks = built(lambda: build_networks(card.networks), card.name)
    n_features = REPRESENTATIONS[card.representation].n_features
    mean, std = torch.empty(n_features), torch.empty(n_features)
    fill({**weights_of(networks.present()), "features.mean": mean, "features.std": std}, folder / WEIGHTS_FILE, card.name)
    if not (std > 0).all():
        raise WeightsError(f'The weights of the model "{card.name}" divide by nothing (features.std): install the model again.')
    return networks, REPRESENTATIONS[card.representation].build(mean, std), card


def load_text_encoder(name: str, folder: Path = WEIGHTS_FOLDER, encoder_folders: tuple[Path, ...] = ()) -> TextEncoder:
    """encoder_folders: where an imported one may lie, beside the user's. Raises WeightsError for an unknown name or other files."""
    if name == clip_text.NAME:
        return load_saved((*encoder_folders, user_models_folder()), folder)
    if name != minilm.NAME:
        raise WeightsError(f"The text encoder {name} is not known to this version: install the newest.")
    state = read_safetensors(verified(f"minilm/{minilm.WEIGHTS_FILE}", folder))
    return minilm.load(state, verified(f"minilm/{minilm.VOCABULARY_FILE}", folder))




def _check_fit(card: BundleCard, encoder: TextEncoder) -> None:
    """Raises WeightsError unless what one network gives is what the next one takes."""
    configs = card.networks
    tokenizer, tokens, length = configs.tokenizer, configs.tokens, configs.length
    # A network that the bundle does without fits the others
    flow = configs.flow or FlowDecoderConfig(tokenizer.n_features, tokenizer.code_dim)
    residual = configs.residual or dataclasses.replace(tokens, n_quantizers=tokenizer.n_quantizers)
    reader = configs.reader
    read_width = reader.reading_width if reader else encoder.pooled_width
    matcher = configs.matcher or MatcherConfig(tokens.n_codes, text_width=read_width, word_width=encoder.word_width)
    shared = {
        "features": {REPRESENTATIONS[card.representation].n_features, tokenizer.n_features, flow.n_features},
        "code width": {tokenizer.code_dim, flow.code_dim},
        "codes": {tokenizer.n_codes, tokens.n_codes, residual.n_codes, matcher.n_codes},
        "token layers": {tokenizer.n_quantizers, residual.n_quantizers},
        "prompt width": {encoder.pooled_width, length.text_width, reader.text_width if reader else encoder.pooled_width},
        "reading width": {read_width, tokens.text_width, residual.text_width, matcher.text_width},
        "word width": {
            encoder.word_width,
            reader.word_width if reader else encoder.word_width,
            matcher.word_width or encoder.word_width,
            tokens.word_width or encoder.word_width,
            residual.word_width or encoder.word_width,
        },
    }
    for what, sizes in shared.items():
        if len(sizes) > 1:
            among = " and ".join(map(str, sorted(sizes)))
            raise WeightsError(f'The networks of the model "{card.name}" do not fit together ({what}: {among}): install the model again.')
