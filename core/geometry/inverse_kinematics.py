"""From joint positions to local rotations of the SMPL tree, in closed form.

Pelvis and chest have three children each, and the least-squares rotation onto these is theirs (Kabsch 1976). Every other joint
turns its bone from the rest direction, by the smallest turn in its parent's frame. What positions do not show, the turn of a
bone about itself, is taken from the plane of the elbow or knee, and carried on in time where the limb is straight; the turn
between pelvis and chest is shared by the spine; wrists, head and feet stand as in their parents' frames.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from .gap_filling import filled_angles, filled_directions, filled_rotations
from .rotations import (
    angle_about,
    matrix_from_quaternion,
    matrix_from_rotation_vector,
    quaternion_from_matrix,
    shortest_arc,
    sign_continuous,
)
from .skeleton import REST_SKELETON, SMPL_22_NAMES, SMPL_22_PARENTS, Skeleton, forward_kinematics

SHORTEST_BONE = 1e-4  # metres; below it a bone shows no direction
# Share of a shape that must lie beside its longest axis to show the turn about it: 2 mm between the hips, 6 mm between the collars
LEAST_SPREAD = 0.005
# Sine of the bend: below 10 degrees elbow and knee show no plane, from 25 on they bend as joints do, not past straight.
# A folded limb shows none either: less of it counts from 120 degrees, nothing from 145.
LEAST_BEND, CLEAR_BEND = 0.17, 0.42
FARTHEST_SWING = -0.64  # cosine of 130 degrees; farther from rest the smallest turn spins about the bone
CHILDREN = tuple(tuple(c for c, parent in enumerate(SMPL_22_PARENTS) if parent == j) for j in range(len(SMPL_22_NAMES)))
PARENTS = list(SMPL_22_PARENTS[1:])
BRANCHES = PELVIS, CHEST = [joint for joint, children in enumerate(CHILDREN) if len(children) > 1]
SPINE = (SMPL_22_NAMES.index("spine1"), SMPL_22_NAMES.index("spine2"))
# Upper bones, and the axis at rest about which the lower bone bends by a positive angle
HINGE_AXES = {
    SMPL_22_NAMES.index("left_hip"): (1.0, 0.0, 0.0),
    SMPL_22_NAMES.index("right_hip"): (1.0, 0.0, 0.0),
    SMPL_22_NAMES.index("left_shoulder"): (0.0, -1.0, 0.0),
    SMPL_22_NAMES.index("right_shoulder"): (0.0, 1.0, 0.0),
}


def rotations_from_joints(positions: Tensor, skeleton: Skeleton = REST_SKELETON) -> tuple[Tensor, Tensor, Skeleton]:
    """Root translation (T, 3), local rotations (T, 22, 4) wxyz, sign-continuous, and the skeleton on which they are exact.

    positions: (T, 22, 3) metres in SMPL's order, Y up. skeleton: an SMPL-22 tree whose rest directions the rotations refer to.
    The returned skeleton has the clip's own bone lengths, and its own angles between the bones of pelvis and chest: medians over
    time, so the joints are met exactly where the clip's bones are rigid. ValueError for other shapes, trees, or values that are
    not finite.
    """
    _check(positions, skeleton)
    points = positions.double()
    bones = torch.cat((torch.zeros_like(points[:, :1]), points[:, 1:] - points[:, PARENTS]), dim=1)
    lengths = bones.norm(dim=-1).median(0).values
    rest = F.normalize(skeleton.offsets.double(), dim=-1)
    turned = _global_rotations(bones, lengths, rest)
    local = torch.cat((turned[:, :1], turned[:, PARENTS].mT @ turned[:, 1:]), dim=1)
    offsets = lengths[:, None] * rest
    for branch in BRANCHES:
        children = list(CHILDREN[branch])
        offsets[children] = (bones[:, children] @ turned[:, branch]).median(0).values
    rotations = sign_continuous(quaternion_from_matrix(local)).to(positions.dtype)
    return positions[:, 0].clone(), rotations, replace(skeleton, offsets=offsets)


def joint_errors(positions: Tensor, rotations: Tensor, skeleton: Skeleton) -> Tensor:
    """Distances (T, J) in metres between positions (T, J, 3) and where local rotations (T, J, 4) wxyz put the skeleton's joints.

    The root is kept at the positions' own. On the skeleton of the armature this is what other bone lengths cost.
    """
    reached, _ = forward_kinematics(skeleton, matrix_from_quaternion(rotations.double()), positions[:, 0].double())
    return (reached - positions).norm(dim=-1)


def _check(positions: Tensor, skeleton: Skeleton) -> None:
    if positions.ndim != 3 or len(positions) == 0 or positions.shape[1:] != (len(SMPL_22_NAMES), 3):
        raise ValueError(f"Rotations are found for positions of shape (frames, 22, 3), not {tuple(positions.shape)}.")
    if not positions.is_floating_point():
        raise ValueError(f"Joint positions are decimal numbers in metres, not {positions.dtype}.")
    if tuple(skeleton.parents) != SMPL_22_PARENTS:
        raise ValueError("Rotations are found for the tree of SMPL's first 22 joints; this skeleton has another one.")
    if not bool(positions.isfinite().all()):
        frame = int((~positions.isfinite()).any(-1).any(-1).nonzero()[0])
        raise ValueError(f"Joint positions must be finite; frame {frame} holds one that is not.")


def _global_rotations(bones: Tensor, lengths: Tensor, rest: Tensor) -> Tensor:
    """Rotations (T, 22, 3, 3) in the world of every joint, from bones (T, 22, 3) that end at the joints."""
    turned = bones.new_empty(*bones.shape, 3)
    turned[:, BRANCHES] = _branch_rotations(bones, lengths, rest)
    for joints in _generations():
        children = [CHILDREN[joint][0] for joint in joints]
        to_parent = turned[:, [SMPL_22_PARENTS[joint] for joint in joints]]
        lower, axes = torch.zeros_like(bones[:, joints]), torch.zeros_like(rest[joints])
        for at, joint in enumerate(joints):
            if joint in HINGE_AXES:
                lower[:, at] = bones[:, CHILDREN[children[at]][0]]
                axes[at] = _across(rest.new_tensor(HINGE_AXES[joint]), rest[children[at]])
        upper, lower = _turned_back(bones[:, children], to_parent), _turned_back(lower, to_parent)
        turned[:, joints] = to_parent @ _bone_rotations(upper, lower, rest[children], axes)
    _share_twist(turned, rest)
    leaves = [joint for joint, children in enumerate(CHILDREN) if not children]
    turned[:, leaves] = turned[:, [SMPL_22_PARENTS[joint] for joint in leaves]]
    return turned


def _generations() -> list[list[int]]:
    """Joints with one child, in groups whose parents' rotations are known from the groups before."""
    done, groups = {PELVIS, CHEST}, []
    left = [joint for joint, children in enumerate(CHILDREN) if len(children) == 1]
    while left:
        groups.append([joint for joint in left if SMPL_22_PARENTS[joint] in done])
        done.update(groups[-1])
        left = [joint for joint in left if joint not in done]
    return groups


def _branch_rotations(bones: Tensor, lengths: Tensor, rest: Tensor) -> Tensor:
    """World rotations (T, 2, 3, 3) of pelvis and chest.

    Where the children of one lie in a line, the turn about it comes from other frames, or, without any, from the other joint.
    """
    children = torch.tensor([CHILDREN[branch] for branch in BRANCHES])
    template = (lengths[:, None] * rest)[children]
    correlation = torch.einsum("tbci,bcj->tbij", bones[:, children], template)
    correlation = correlation / template.square().sum((1, 2)).clamp_min(SHORTEST_BONE**2)[:, None, None]
    rotations, known = _least_squares_rotations(correlation)
    if bool(known.all()):
        return rotations
    carried = [_carried_rotations(rotations, known, branch) for branch in (0, 1)]
    weight = torch.where(known, 0.0, 1e-6)[..., None, None]
    return _least_squares_rotations(correlation + weight * torch.stack(carried, dim=1))[0]


def _carried_rotations(rotations: Tensor, known: Tensor, branch: int) -> Tensor:
    """Rotations (T, 3, 3) of one of both branches (T, 2, 3, 3) without gaps; of the other, if all of it is one."""
    source = branch if bool(known[:, branch].any()) else 1 - branch
    if not bool(known[:, source].any()):
        return torch.eye(3).to(rotations).expand_as(rotations[:, 0])
    return filled_rotations(rotations[:, source], known[:, source])


def _least_squares_rotations(correlation: Tensor) -> tuple[Tensor, Tensor]:
    """Rotations (..., 3, 3) nearest to `correlation` (..., 3, 3), and (...) whether there is only one such (Kabsch 1976)."""
    u, spread, v = torch.linalg.svd(correlation)
    last = torch.linalg.det(u @ v).sign()
    signs = torch.stack((torch.ones_like(last), torch.ones_like(last), last), dim=-1)
    return (u * signs[..., None, :]) @ v, (spread[..., 1] + last * spread[..., 2]) > LEAST_SPREAD


def _bone_rotations(bones: Tensor, lower: Tensor, rest: Tensor, axes: Tensor) -> Tensor:
    """Rotations (T, L, 3, 3) in the parents' frames that bring rest directions (L, 3) to those of bones (T, L, 3).

    lower: (T, L, 3) the bones behind the elbow or knee, 0 where there is none; axes: (L, 3) the hinges at rest.
    """
    seen = bones.norm(dim=-1) > SHORTEST_BONE
    directions = filled_directions(torch.where(seen.any(0)[:, None], bones, rest), seen)
    swing = shortest_arc(rest.expand_as(directions), directions)
    carried = _carried_twist(swing, directions, rest)
    normal, bend = _bend(directions, lower)
    hinge = angle_about(rest, axes.expand_as(normal), _turned_back(normal, swing))
    bent, near_rest = seen & (bend > CLEAR_BEND), seen & ((directions * rest).sum(-1) > FARTHEST_SWING)
    shown = torch.where(bent.any(0), bent, near_rest)
    twist = carried + filled_angles(hinge * bent.any(0) - carried, shown)
    # A nearly straight limb may bend past straight: of its plane's two readings the nearer one counts, by half the sine of
    # twice the angle, which has no jump where the other becomes the nearer
    trust = ((bend - LEAST_BEND) / (CLEAR_BEND - LEAST_BEND)).clamp(0, 1)
    twist = twist + trust * 0.5 * torch.sin(2 * (hinge - twist))
    return swing @ matrix_from_rotation_vector(twist[..., None] * rest)


def _carried_twist(swing: Tensor, directions: Tensor, rest: Tensor) -> Tensor:
    """Radians (T, L) about the rest bone from `swing` to a frame that follows the bone through time without turning about it."""
    step = swing[1:].mT @ shortest_arc(directions[:-1], directions[1:]) @ swing[:-1]
    cosine = (step.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2
    steps = torch.atan2((_axis_times_sine(step) * rest).sum(-1), cosine)
    return torch.cat((torch.zeros_like(directions[:1, :, 0]), steps)).cumsum(0)


def _bend(directions: Tensor, lower: Tensor) -> tuple[Tensor, Tensor]:
    """Normals (T, L, 3), of any length, of the planes of elbow or knee, and how well (T, L) these show, from 0 to 1."""
    there = lower.norm(dim=-1) > SHORTEST_BONE
    lower = F.normalize(lower, dim=-1)
    normal = torch.linalg.cross(directions, lower)
    return normal, torch.minimum(normal.norm(dim=-1), 1 + (directions * lower).sum(-1)) * there


def _share_twist(turned: Tensor, rest: Tensor) -> None:
    """The turn about the spine from pelvis to chest, spread evenly over its joints instead of left to the last."""
    # The sine of the turn grows like the angle, and fades before half a turn, where left becomes right
    twist = (_axis_times_sine(turned[:, SPINE[-1]].mT @ turned[:, CHEST]) * rest[CHEST]).sum(-1)
    for number, joint in enumerate(SPINE, start=1):
        share = twist[:, None] * number / (len(SPINE) + 1)
        turned[:, joint] = turned[:, joint] @ matrix_from_rotation_vector(share * rest[CHILDREN[joint][0]])


def _axis_times_sine(rotation: Tensor) -> Tensor:
    """Axes (..., 3) of rotations (..., 3, 3), as long as the sine of the angle."""
    skew = rotation - rotation.mT
    return torch.stack((skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]), dim=-1) / 2


def _turned_back(vectors: Tensor, rotations: Tensor) -> Tensor:
    """Vectors (..., 3) as seen in frames (..., 3, 3)."""
    return (vectors[..., None, :] @ rotations)[..., 0, :]


def _across(vector: Tensor, direction: Tensor) -> Tensor:
    """The unit vector nearest to `vector` (3,) that is square to unit `direction` (3,)."""
    return F.normalize(vector - (vector @ direction) * direction, dim=-1)
