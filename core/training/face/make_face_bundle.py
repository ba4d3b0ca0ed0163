"""From a finished run to a face bundle that the service can load."""

from __future__ import annotations

from pathlib import Path

from ...contract import ARKIT
from ...contract.head import DEFAULT_HEAD, read_head
from ...face import whisper_encoder
from ...face.emotion_embedding import SpeechReading
from ...face_bundles import FORMAT, FaceCard, build_face_networks, load_speech_encoder, save_face_bundle
from .face_sizes import finished_sizes
from .face_tasks import FaceIngredients

LICENCE = "CC BY 4.0"
ATTRIBUTION = (
    "Kathleen (CC0 1.0), github.com/rhasspy/dataset-voice-kathleen",
    "F. Burkhardt, A. Paeschke, M. Rolfes, W. Sendlmeier, B. Weiss: A Database of German Emotional Speech, Interspeech 2005 (CC0 1.0)",
    "M. Cooke, J. Barker, S. Cunningham, X. Shao: An audio-visual corpus for speech perception, JASA 2006 (GRID, CC BY 4.0)",
    "LibriVox readers; LJSpeech by K. Ito and L. Johnson (public domain); flite's voices",
)
# Layers next to features of the speech encoder, some of which are hundreds of times larger than others, and to coefficients
_LAYERS = (
    "talker.sequence_encoder",
    "emotion.audio_encoder.embedding_model.linear",
    "tokens.encoder_b.squasher.0.0",
    "tokens.decoder_b.cross_smooth_layer",
)
_EXACT = tuple(f"{layer}.{kind}" for layer in _LAYERS for kind in ("weight", "bias"))


def make_face_bundle(ingredients: FaceIngredients, out: Path, title: str) -> FaceCard:
    """Raises UnderstudyError naming a network that is not trained."""
    sizes = finished_sizes(ingredients.sizes)
    networks = build_face_networks(sizes, load_speech_encoder(whisper_encoder.NAME))
    assert networks.anchors
    ingredients.bank.fill(networks.anchors)
    networks.emotion, networks.features, networks.tokens = ingredients.emotions.emotion, ingredients.emotions.features, ingredients.tokens
    ingredients.scale.take_in(networks.tokens)
    networks.talker = ingredients.talker
    taken_in = ingredients.corpus.components.taken_in
    networks.talker.sequence_encoder = taken_in(networks.talker.sequence_encoder)
    reading = networks.emotion.audio_encoder.embedding_model
    assert isinstance(reading, SpeechReading)
    reading.linear = taken_in(reading.linear)
    card = FaceCard(
        FORMAT, out.name, title, LICENCE, ATTRIBUTION, ARKIT, ("the teacher",), sizes,
        coefficients=read_head(DEFAULT_HEAD).expression_names, speech_encoder=whisper_encoder.NAME,
    )  # fmt: skip
    return save_face_bundle(out, card, networks, _EXACT)
