"""The whole way of DEEPTalk: one clip of sound and an emotion become FLAME coefficients, in a single pass with no recursion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..contract import BadRequest
from ..noise import gumbel
from .emotion_anchors import EmotionAnchors
from .emotion_embedding import DynamicEmotionEmbedding, EmotionDistribution
from .expression_features import ExpressionFeatures
from .expression_tokens import ExpressionTokenizer
from .sound_frames import heard_frames, padded
from .sound_reader import SoundReader
from .talker import Talker

N_JAW = 3
_EMOTION, _CODES = 0, 1  # what is drawn


@dataclass
class FaceNetworks:
    """Everything that is learned, in evaluation mode on one device.

    features: only to read emotions from faces. anchors: only of a model that learned where emotions lie by their names.
    """

    speech: SoundReader
    emotion: DynamicEmotionEmbedding
    talker: Talker
    tokens: ExpressionTokenizer
    features: ExpressionFeatures | None = None
    anchors: EmotionAnchors | None = None


def heard_through(networks: FaceNetworks) -> list[nn.Module]:
    """Those that a clip goes through once, and that take most of its time."""
    return [part for part in (networks.speech, networks.emotion.audio_encoder) if isinstance(part, nn.Module)]


@dataclass(frozen=True)
class Delivery:
    """How a clip is spoken. actor: which of the speakers in training, from 0; seed: of everything that is drawn.

    variance_scale: None keeps to the emotion's mean; else a vector is drawn from its distribution, as `EmotionDistribution.drawn`
    says (1 is the distribution itself). top_temperature, bottom_temperature: 0 takes the likeliest codes, more draws others too.
    """

    actor: int = 0
    variance_scale: float | None = None
    top_temperature: float = 0.0
    bottom_temperature: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class FaceCoefficients:
    """expression: (T, E) FLAME expression coefficients; jaw: (T, 3) axis times angle, radians; float32, 25 frames a second."""

    expression: np.ndarray
    jaw: np.ndarray


@torch.inference_mode()
def emotion_of_sound(networks: FaceNetworks, sound: np.ndarray, content: Tensor | None = None) -> EmotionDistribution:
    """What a clip (L,) of 16 kHz sounds like; not the one that is spoken if the emotion of another is wanted. Raises BadRequest.

    content: of this clip, from `content_of_sound`, so that one encoder that serves for both need not hear it twice.
    """
    return networks.emotion.audio_encoder.heard(padded(_batch(sound, networks)), networks.speech, content)


@torch.inference_mode()
def emotion_of_face(networks: FaceNetworks, coefficients: FaceCoefficients) -> EmotionDistribution:
    """What a face looks like. Raises BadRequest for a model that does not see faces."""
    if networks.features is None or networks.emotion.exp_encoder is None:
        raise BadRequest("This model reads no emotion from a face: import it together with FER.pth, or give a voice clip instead.")
    motion = torch.from_numpy(np.concatenate((coefficients.expression, coefficients.jaw), axis=1)[None])
    return networks.emotion.exp_encoder(networks.features(motion.to(_device(networks))))


@torch.inference_mode()
def face_of_speech(
    networks: FaceNetworks, sound: np.ndarray, emotion: EmotionDistribution, delivery: Delivery, window: int = 0
) -> FaceCoefficients:
    """A face that speaks the clip (L,), 16 kHz in -1..1, for as many frames as begin in it: T = ceil(L / 640).

    window: which piece of a longer clip this is; in all of them the emotion is drawn alike, and the codes are not.
    Memory grows with the square of the length. Raises BadRequest for an empty clip, numbers that are not finite, and an unknown actor.
    """
    return face_of_content(networks, content_of_sound(networks, sound), heard_frames(len(sound)), emotion, delivery, window)


@torch.inference_mode()
def content_of_sound(networks: FaceNetworks, sound: np.ndarray) -> Tensor:
    """What a clip (L,) says, (1, padded T, width); not how. Raises BadRequest as `face_of_speech` does."""
    return networks.speech.hear(padded(_batch(sound, networks)))


@torch.inference_mode()
def face_of_content(
    networks: FaceNetworks, content: Tensor, n_frames: int, emotion: EmotionDistribution, delivery: Delivery, window: int = 0
) -> FaceCoefficients:
    """The first n_frames of a face that says this: `face_of_speech`, where the same is said in several ways."""
    features = networks.talker.features(content, _emotion_vector(emotion, delivery), actor_vector(networks, delivery.actor))
    top, bottom = _codes(networks, features, delivery, _generator(delivery.seed, _CODES, window))
    motion = networks.tokens.decode(top, bottom)[0, :n_frames].cpu().numpy()
    return FaceCoefficients(motion[:, :-N_JAW].copy(), motion[:, -N_JAW:].copy())


def _codes(networks: FaceNetworks, features: Tensor, delivery: Delivery, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Top ids (1, T/4), and the bottom ids (1, T/2) that follow from them."""
    top = _picked(networks.talker.top_logits(features), delivery.top_temperature, generator)
    logits = networks.talker.bottom_logits(features, networks.tokens.expanded_top(top))
    return top, _picked(logits, delivery.bottom_temperature, generator)


def _picked(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """Ids (1, n) from softmax(logits / temperature), (1, n, codes)."""
    # Noise is drawn at temperature 0, too, so that the top codes' temperature does not change what the bottom ones draw
    noise = gumbel(tuple(logits.shape[1:]), [generator], logits.device)
    return (logits + temperature * noise).argmax(-1)


def _emotion_vector(emotion: EmotionDistribution, delivery: Delivery) -> Tensor:
    if delivery.variance_scale is None:
        return emotion.mean
    noise = torch.randn(emotion.mean.shape, generator=_generator(delivery.seed, _EMOTION))
    return emotion.drawn(noise.to(emotion.mean), delivery.variance_scale)


def _generator(seed: int, *purpose: int) -> torch.Generator:
    """On the CPU, so that a seed means the same on every device; what is drawn for one purpose does not depend on another."""
    state = np.random.SeedSequence((seed, *purpose)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


def actor_vector(networks: FaceNetworks, actor: int) -> Tensor:
    """(1, n_actors), 1 at the actor's place. Raises BadRequest for one that the model does not have."""
    n_actors = networks.talker.config.n_actors
    if not 0 <= actor < n_actors:
        raise BadRequest(f"There is no speaker {actor}: choose one of 0 to {n_actors - 1}.")
    return F.one_hot(torch.tensor([actor]), n_actors).float().to(_device(networks))


def _batch(sound: np.ndarray, networks: FaceNetworks) -> Tensor:
    """(1, L), float32."""
    if sound.ndim != 1 or len(sound) == 0:
        raise BadRequest(f"The sound has the shape {sound.shape} instead of one channel with samples: choose another clip.")
    if not np.isfinite(sound).all():
        raise BadRequest("The sound holds samples that are not finite numbers: choose another clip.")
    return torch.from_numpy(sound.astype(np.float32))[None].to(_device(networks))


def _device(networks: FaceNetworks) -> torch.device:
    return networks.talker.decoder.weight.device
