"""Files as the authors publish them, with random weights: every layout, at a thousandth of the size or whole."""

from __future__ import annotations

import warnings
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from understudy.core.body.clip_text import ClipTextConfig, ClipTextNetwork
from understudy.core.body.flow_decoder import FlowDecoderConfig
from understudy.core.body.humanml3d import HUMANML3D, FeatureLayout
from understudy.core.body.motion_length import LengthConfig
from understudy.core.body.motion_tokens import TokenizerConfig
from understudy.core.body.token_transformer import TokenTransformerConfig
from understudy.core.checkpoints import BodyConfigs, build_networks
from understudy.core.weights_import.published import HUMANML3D_SET, KIT_SET, PublishedSizes

State = dict[str, Tensor]
TINY_TEXT = ClipTextConfig(width=16, n_layers=2, n_heads=2, feed_forward=32, pooled_width=16)
RVQ, MASK, RES = (
    "rvq_nq6_dc512_nc512_noshare_qdp0.2",
    "t2m_nlayer8_nhead6_ld384_ff1024_cdp0.1_rvq6ns",
    "tres_nlayer8_ld384_ff1024_rvq6ns_cdp0.2_sw",
)
TOKENIZER, TOKENS, RESIDUAL = f"{RVQ}/model/net_best_fid.tar", f"{MASK}/model/latest.tar", f"{RES}/model/net_best_fid.tar"
LENGTH, FLOW, CLIP = "length_estimator/model/finest.tar", "DisCoRD_Momask_RFDecoder_best.pth", "ViT-B-32.pt"
MEAN, STD = f"{RVQ}/meta/mean.npy", f"{RVQ}/meta/std.npy"
# Standard deviations of the tokenizer and of the data set by group (shared/specs/discord.md, section 7.3)
OWN_STD = {"yaw_velocity": 0.000515, "planar_velocity": 0.000677, "root_height": 0.006121, "positions": 0.122555, "rotations": 0.300386,
           "velocities": 0.019541, "contacts": 0.014095}  # fmt: skip
DATA_SET_STD = {"yaw_velocity": 0.012826, "planar_velocity": 0.016927, "root_height": 0.153766, "positions": 0.122244, "rotations": 0.299692,
                "velocities": 0.019470, "contacts": 0.355933}  # fmt: skip


def tiny_networks(n_features: int) -> BodyConfigs:
    transformer = TokenTransformerConfig(n_codes=32, code_dim=16, width=16, n_layers=2, n_heads=2, feed_forward=32, text_width=16)
    return BodyConfigs(
        TokenizerConfig(n_features=n_features, width=16, code_dim=16, n_codes=32),
        transformer,
        transformer,
        FlowDecoderConfig(n_features=n_features, code_dim=16, width=16, condition_width=8),
        LengthConfig(text_width=16, hidden=(32, 16, 16)),
    )


TINY = PublishedSizes((replace(HUMANML3D_SET, networks=tiny_networks(263)), replace(KIT_SET, networks=tiny_networks(251))), TINY_TEXT)


def statistics(layout: FeatureLayout, deviations: Mapping[str, float] = OWN_STD) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (D,), float64 as published."""
    std = np.concatenate([np.full(columns.stop - columns.start, deviations[group]) for group, columns in layout.groups.items()])
    mean = np.random.default_rng(0).normal(size=layout.n_features) * 0.01
    mean[layout.groups["root_height"]] = 0.95 / layout.metres_per_unit
    return mean, std


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj_weight, self.in_proj_bias = nn.Parameter(torch.zeros(3 * width, width)), nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x


class Block(nn.Module):
    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.attn, self.ln_1 = Attention(config.width), nn.LayerNorm(config.width)
        self.mlp = nn.Sequential(
            OrderedDict(c_fc=nn.Linear(config.width, config.feed_forward), c_proj=nn.Linear(config.feed_forward, config.width))
        )
        self.ln_2 = nn.LayerNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(self.attn(x))


class Transformer(nn.Module):
    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.resblocks = nn.Sequential(*(Block(config) for _ in range(config.n_layers)))

    def forward(self, x: Tensor) -> Tensor:
        return self.resblocks(x)


class ScriptedClip(nn.Module):
    """The modules of OpenAI's archive, by their names; what they compute does not matter here."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.visual = nn.Conv2d(3, 4, 2)
        self.transformer = Transformer(config)
        self.token_embedding, self.ln_final = nn.Embedding(config.n_tokens, config.width), nn.LayerNorm(config.width)
        self.positional_embedding = nn.Parameter(torch.zeros(config.context, config.width))
        self.text_projection = nn.Parameter(torch.zeros(config.width, config.pooled_width))
        self.logit_scale = nn.Parameter(torch.zeros(()))
        self.register_buffer("context_length", torch.tensor(config.context))

    def forward(self, ids: Tensor) -> Tensor:
        return self.transformer(self.token_embedding(ids))


@dataclass
class Published:
    """States of one set's networks, and a folder that they are written into."""

    folder: Path
    layout: FeatureLayout
    parts: dict[str, State]
    clip: State
    clip_config: ClipTextConfig

    def write_momask(self) -> None:
        """The zip's content, beside optimiser and scheduler states as its training left them."""
        optimiser = {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 2e-4, "betas": (0.9, 0.99)}]}
        scheduler = {"milestones": Counter([50_000]), "last_epoch": 7}
        training = {"ep": 12, "total_it": 3400}
        self.save(TOKENIZER, {"vq_model": self.parts["tokenizer"], "opt_vq_model": optimiser, "scheduler": scheduler, **training})
        self.save(TOKENS, {"t2m_transformer": self.with_positions("tokens"), "opt_t2m_transformer": optimiser, **training})
        self.save(RESIDUAL, {"res_transformer": self.with_positions("residual"), "opt_res_transformer": optimiser, **training})
        self.save(LENGTH, {"estimator": self.parts["length"], "epoch": 3, "niter": 9})
        for name, values in zip((MEAN, STD), statistics(self.layout), strict=True):
            self.write_array(name, values)
        for folder in (RVQ, MASK, RES):
            self.write_options(folder, "t2m" if self.layout == HUMANML3D else "kit")

    def write_options(self, folder: str, data_set: str) -> None:
        lines = (
            "------------ Options -------------",
            "batch_size: 64",
            f"dataset_name: {data_set}",
            "is_train: True",
            "lr: 0.0002",
            f"name: {folder}",
        )
        (self.folder / folder / "opt.txt").write_text("\n".join((*lines, "-------------- End ----------------", "")))

    def write_all(self) -> None:
        self.write_momask()
        self.save(FLOW, self.parts["flow"])
        self.write_clip_archive()

    def write_clip_archive(self) -> None:
        """OpenAI's file: a TorchScript archive of float16."""
        model = ScriptedClip(self.clip_config)
        model.load_state_dict(self.clip, strict=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # torch would rather not write such files any more
            torch.jit.save(torch.jit.script(model.half()), str(self.folder / CLIP))

    def with_positions(self, part: str) -> State:
        width = self.parts[part]["input_process.poseEmbedding.bias"].shape[0]
        return self.parts[part] | {"position_enc.pe": torch.zeros(5000, 1, width)}

    def save(self, name: str, content: object) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        torch.save(content, self.folder / name)

    def write_array(self, name: str, values: np.ndarray) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(self.folder / name, values)

    def zipped(self, name: str, prefix: str = "") -> Path:
        """Everything in the folder as one deflated zip; the folder is empty afterwards."""
        path = self.folder.parent / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(each for each in self.folder.rglob("*") if each.is_file()):
                archive.write(file, prefix + str(file.relative_to(self.folder)))
                file.unlink()
        return path


def random_states(configs: BodyConfigs, text: ClipTextConfig) -> tuple[dict[str, State], State]:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        networks = build_networks(configs)
        for book in networks.tokenizer.quantizer.books:
            book.codebook.normal_()
        clip = ClipTextNetwork(text)
        for tensor in clip.state_dict().values():
            tensor.copy_(torch.randn(tensor.shape).mul_(0.05).half())
    parts = {part: getattr(networks, part).state_dict() for part in ("tokenizer", "tokens", "residual", "flow", "length")}
    return parts, clip.state_dict()
