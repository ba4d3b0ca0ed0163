"""DEEPTalk as it was published: its sizes, its speakers, and what of its files goes where in a bundle.

DEEPTalk.pth alone is a whole model. It holds the networks of DEE.pt and TH-VQVAE.pth, as it was trained with them; FER.pth adds that
emotions are read from faces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from ..face import emotion_embedding, expression_features, expression_tokens, speech_encoder, talker
from ..face_bundles import FaceConfigs

NAME = "deeptalk"
TITLE = "DEEPTalk, as released"
LICENCE = "research only: trained on MEAD and AffectNet, with motion by EMOCA; the weights have no licence of their own"
ATTRIBUTION = (
    "DEEPTalk: Dynamic Emotion Embedding for Probabilistic Speech-Driven 3D Face Animation (Kim et al., AAAI 2025)",
    "wav2vec 2.0: A Framework for Self-Supervised Learning of Speech Representations (Baevski et al., 2020), Apache-2.0",
    "emotion2vec: Self-Supervised Pre-Training for Speech Emotion Representation (Ma et al., 2023), FunASR model licence",
    "MEAD: A Large-scale Audio-visual Dataset for Emotional Talking-face Generation (Wang et al., 2020)",
)
# MEAD's speakers of the training, in the order of the network's input
ACTORS = (
    "M003", "M005", "M007", "M009", "M011", "M012", "M013", "M019", "M022", "M023", "M024", "M025", "M026", "M027", "M028", "M029",
    "M030", "M031", "W009", "W011", "W014", "W015", "W016", "W018", "W019", "W021", "W023", "W024", "W025", "W026", "W028", "W029",
)  # fmt: skip
PUBLISHED_FACE = FaceConfigs(
    speech_encoder.PUBLISHED,
    emotion_embedding.PUBLISHED,
    talker.PUBLISHED,
    expression_tokens.PUBLISHED,
    expression_features.PUBLISHED,
)
ONE_PASS = 1200  # frames of a clip, 48 s: no more positions are in the authors' program, which speaks a clip whole
FACE_BRANCH = "emotion.exp_encoder."  # of a bundle, of no use without FER.pth

# By which beginnings of names a file is told, and which beginnings become which; of several that fit, the first
_FILES: tuple[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], ...] = (
    (
        ("sequence_decoder.", "audio_model."),
        (
            ("audio_model.model.", "speech."),
            ("sequence_encoder.linear.", "talker.sequence_encoder."),
            ("sequence_decoder.DEE.", "emotion."),
            ("sequence_decoder.motion_prior.", "tokens."),
            ("sequence_decoder.", "talker."),
        ),
    ),
    (("audio_encoder.", "exp_encoder."), (("", "emotion."),)),
    (("quantize_t.", "quantize_b."), (("", "tokens."),)),
    (("in_fc.", "bn_layers."), (("", "features."),)),
)
# Templates that layers were copied from, a decoder of pre-training, averages of training, and what is computed to be thrown away
_DEAD = re.compile(
    r"speech\.masked_spec_embed"
    r"|emotion\.(audio|exp)_encoder\.(audio|exp)_(encoder|mean|uncertainty)_layer\..*"
    r"|emotion\.audio_encoder\.embedding_model\.modality_encoders\.AUDIO\.decoder\..*"
    r"|talker\.(DEE_audio|obj_vector)\..*"
    r"|tokens\.(quantize_[tb]\.ema_|decoder_b\.post_transformer_linear\.).*"
    r"|features\.(bn_layers\.|hidden_layers\.5\.|out_fc\.).*"
    r"|.*\.num_batches_tracked"
)
_POSITIONS = "speech.encoder.pos_conv_embed.conv."
# Names of a normalised weight's length and direction: torch's own way before and after its version 2
_NORMALISED = (("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1"))


def face_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """What is used of a published file, under the names of a bundle. None for a file that is not one of DEEPTalk's."""
    places = next((places for marks, places in _FILES if any(name.startswith(marks) for name in state)), None)
    if places is None:
        return None
    placed = {_placed(name, places): tensor for name, tensor in state.items()}
    return _folded({name: tensor for name, tensor in placed.items() if not _DEAD.fullmatch(name)})


def _placed(name: str, places: tuple[tuple[str, str], ...]) -> str:
    return next((ours + name.removeprefix(theirs) for theirs, ours in places if name.startswith(theirs)), name)


def _folded(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The positional convolution's weight from its length (1, 1, K) and direction (C, C / groups, K), each kernel place by itself."""
    for length, direction in ((_POSITIONS + length, _POSITIONS + direction) for length, direction in _NORMALISED):
        g, v = tensors.get(length), tensors.get(direction)
        # Tensors that do not fit stay as they are, and are named as surplus
        if g is not None and v is not None and v.dim() == 3 and g.shape == (1, 1, v.shape[2]):
            tensors = {name: tensor for name, tensor in tensors.items() if name not in (length, direction)}
            tensors[f"{_POSITIONS}weight"] = v * (g / v.norm(dim=(0, 1), keepdim=True))
    return tensors
