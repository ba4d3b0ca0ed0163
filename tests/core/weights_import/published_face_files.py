"""DEEPTalk's four files as their authors publish them, dead weights and doubled ones included, with random numbers and tiny sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from understudy.core.bundle_weights import weight_shapes
from understudy.core.face_bundles import FaceConfigs, build_face_networks, face_parts
from understudy.tests.core.face.conftest import TINY_EMOTION, TINY_SPEECH, TINY_TALKER, TINY_TOKENS
from understudy.tests.core.face.conftest import TINY_FEATURES as THREE_LAYERS

State = dict[str, Tensor]
DEEPTALK, DEE, TH_VQVAE, FER = "DEEPTalk.pth", "DEE.pt", "TH-VQVAE.pth", "FER.pth"
TINY_FACE = FaceConfigs(
    TINY_SPEECH, TINY_EMOTION, replace(TINY_TALKER, n_actors=32), TINY_TOKENS, replace(THREE_LAYERS, widths=(9, 8, 7, 6, 5, 7))
)
CONV = "encoder.pos_conv_embed.conv."


def random_parts() -> dict[str, State]:
    """Tensors of every network by its place in a bundle."""
    generator = torch.Generator().manual_seed(7)
    with torch.device("meta"):
        shapes = {name: weight_shapes(network) for name, network in face_parts(build_face_networks(TINY_FACE)).items()}
    parts = {
        part: {name: torch.randn(shape, generator=generator) * 0.3 for name, shape in of_part.items()} for part, of_part in shapes.items()
    }
    for name, tensor in parts["tokens"].items():
        if name.endswith("running_var"):
            tensor.abs_().add_(0.1)
    return parts


@dataclass
class PublishedFace:
    """States of the files, and a folder that they are written into. g: (1, 1, K), v: length and direction of the positional weight."""

    folder: Path
    parts: dict[str, State]
    g: Tensor
    v: Tensor

    @property
    def weight(self) -> Tensor:
        """The positional convolution's, in double precision, one place of the kernel after another."""
        v, g = self.v.double(), self.g.double()
        return torch.stack([v[..., k] * g[0, 0, k] / v[..., k].square().sum().sqrt() for k in range(v.shape[2])], dim=-1)

    def expected(self, reads_faces: bool) -> State:
        """What a bundle holds of it, but for the positional weight."""
        parts = {part: state for part, state in self.parts.items() if reads_faces or part != "features"}
        found = {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()}
        return {name: tensor for name, tensor in found.items() if reads_faces or not name.startswith("emotion.exp_encoder.")}

    def dee(self) -> State:
        templates = [
            f"{kind}_encoder.{short}_{layer}_layer.linear1.weight"
            for kind, short in (("audio", "audio"), ("exp", "exp"))
            for layer in ("encoder", "mean", "uncertainty")
        ]
        decoder = "audio_encoder.embedding_model.modality_encoders.AUDIO.decoder."
        dead = [*templates, f"{decoder}blocks.0.0.weight", f"{decoder}proj.bias"]
        return self.parts["emotion"] | {name: torch.ones(3) for name in dead}

    def th_vqvae(self) -> State:
        names = ["quantize_t.ema_count", "quantize_t.ema_weight", "quantize_b.ema_count", "decoder_b.post_transformer_linear.weight"]
        counters = [f"{part}.0.2.num_batches_tracked" for part in ("encoder_t.squasher", "encoder_b.squasher", "decoder_t.expander")]
        return self.parts["tokens"] | {name: torch.ones(3) for name in names} | {name: torch.tensor(9) for name in counters}

    def fer(self) -> State:
        dead = [
            "hidden_layers.5.weight",
            "hidden_layers.5.bias",
            "out_fc.weight",
            "out_fc.bias",
            "bn_layers.0.weight",
            "bn_layers.6.running_var",
        ]
        return self.parts["features"] | {name: torch.ones(3) for name in dead} | {"bn_layers.0.num_batches_tracked": torch.tensor(9)}

    def deeptalk(self, names: tuple[str, str] = ("weight_g", "weight_v")) -> State:
        speech = {name: tensor for name, tensor in self.parts["speech"].items() if name != f"{CONV}weight"}
        speech |= {"masked_spec_embed": torch.ones(3), f"{CONV}{names[0]}": self.g, f"{CONV}{names[1]}": self.v}
        talker = {name: tensor for name, tensor in self.parts["talker"].items() if not name.startswith("sequence_encoder.")}
        dee = self.dee()
        state = {f"audio_model.model.{name}": tensor for name, tensor in speech.items()}
        state |= {f"sequence_encoder.linear.{kind}": self.parts["talker"][f"sequence_encoder.{kind}"] for kind in ("weight", "bias")}
        state |= {f"sequence_decoder.{name}": tensor for name, tensor in talker.items()}
        state |= {"sequence_decoder.obj_vector.map.weight": torch.ones(3)}
        state |= {f"sequence_decoder.DEE.{name}": tensor for name, tensor in dee.items()}
        of_voice = {name.removeprefix("audio_encoder."): tensor for name, tensor in dee.items() if name.startswith("audio_encoder.")}
        state |= {f"sequence_decoder.DEE_audio.{name}": tensor for name, tensor in of_voice.items()}
        return state | {f"sequence_decoder.motion_prior.{name}": tensor for name, tensor in self.th_vqvae().items()}

    def write_all(self) -> None:
        for name, state in ((DEEPTALK, self.deeptalk()), (DEE, self.dee()), (TH_VQVAE, self.th_vqvae()), (FER, self.fer())):
            self.save(name, state)

    def save(self, name: str, content: Mapping[str, object]) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.save(dict(content), self.folder / name)
        return self.folder / name
