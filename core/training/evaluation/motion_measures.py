"""What one motion is like, and how far a decoded motion is from the one that it was made of. Positions are (T, J, 3) metres."""

from __future__ import annotations

from torch import Tensor

from ...geometry.skeleton import REST_SKELETON
from ..motion_capture.ground import clearances

FADE_HEIGHT = 0.025  # metres above its standing height at which a foot's sliding no longer counts (Zhang et al. 2018)
PENETRATION = 0.03  # metres
_FEET = [REST_SKELETON.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("ankle", "foot")]


def jerks(positions: Tensor, fps: float) -> Tensor:
    """Length of the third finite difference (T - 3, J) in m/s3; Flash and Hogan 1985 measure smoothness by it."""
    return positions.diff(n=3, dim=0).norm(dim=-1) * fps**3


def mean_jerk(positions: Tensor, fps: float) -> float:
    """Mean over frames and joints, m/s3."""
    return float(jerks(positions, fps).mean())


def foot_slide(positions: Tensor, fps: float) -> float:
    """Mean horizontal speed of ankles and toes in cm/s, faded out with their height: v (2 - 2 ** (h / H)).

    Zhang et al., "Mode-Adaptive Neural Networks for Quadruped Motion Control" (2018), section 8; h is measured from where the joint is
    when the sole lies flat.
    """
    flat = REST_SKELETON.standing_heights()[_FEET].to(positions)
    feet = positions[:, _FEET]
    speeds = feet[1:, :, [0, 2]].sub(feet[:-1, :, [0, 2]]).norm(dim=-1) * fps
    heights = ((feet[1:, :, 1] + feet[:-1, :, 1]) / 2 - flat).clamp_min(0)
    return float((speeds * (2 - 2 ** (heights / FADE_HEIGHT)).clamp_min(0)).mean()) * 100


def floor_penetration(positions: Tensor) -> float:
    """Share of the frames in which some joint is more than 3 cm lower than the floor lets its part of the body be."""
    depths = clearances(REST_SKELETON).to(positions) - positions[..., 1]
    return float((depths.amax(-1) > PENETRATION).double().mean())


def mpjpe(decoded: Tensor, real: Tensor) -> float:
    """Mean distance of joints in mm, with the pelvis of every frame at the same place (Ionescu et al. 2014)."""
    return float(((decoded - decoded[:, :1]) - (real - real[:, :1])).norm(dim=-1).mean()) * 1000


def sjpe(decoded: Tensor, real: Tensor, fps: float) -> float:
    """Symmetric jerk percentage error, 0 to 1: |a - b| / (a + b) of both jerks (DisCoRD, equation 5), averaged over frames and joints."""
    ours, theirs = jerks(decoded, fps), jerks(real, fps)
    return float(((ours - theirs).abs() / (ours + theirs).clamp_min(1e-9)).mean())
