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

from .gap_filling import filled_angles, filled_directions, filled_rotations, known_neighbours, parallel_transport
from .rotations import (
    matrix_from_quaternion,
    matrix_from_rotation_vector,
    quaternion_from_matrix,
    shortest_arc,
    sign_continuous,
    wrap_angle,
)
from .skeleton import REST_SKELETON, SMPL_22_NAMES, SMPL_22_PARENTS, Skeleton, forward_kinematics

SHORTEST_BONE = 1e-4  # metres; below it a bone shows no direction
# Share of a shape that must lie beside its longest axis to show the turn about it: 2 mm between the hips, 6 mm between the collars
LEAST_SPREAD = 0.005
LEAST_BEND = 0.26  # sine of 15 degrees; below it elbow and knee show no plane
FARTHEST_SWING = -0.87  # cosine of 150 degrees; farther from rest the smallest turn spins about the bone
# A plane that turns over faster than that, in radians a frame, belongs to a limb that bends past straight
FASTEST_TURN_OVER = 0.26
CHILDREN = tuple(tuple(c for c, parent in enumerate(SMPL_22_PARENTS) if parent == j) for j in range(len(SMPL_22_NAMES)))
PELVIS, CHEST = (joint for joint, children in enumerate(CHILDREN) if len(children) > 1)
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
    rest = F.normalize(skeleton.offsets.double(), dim=-1)
    turned = _global_rotations(points, rest)
    parents = list(SMPL_22_PARENTS[1:])
    local = torch.cat((turned[:, :1], turned[:, parents].mT @ turned[:, 1:]), dim=1)
    own = replace(skeleton, offsets=_own_offsets(points, turned, rest))
    return positions[:, 0].clone(), sign_continuous(quaternion_from_matrix(local)).to(positions.dtype), own


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


def _global_rotations(points: Tensor, rest: Tensor) -> Tensor:
    """Rotations (T, 22, 3, 3) in the world of every joint."""
    turned = points.new_empty(*points.shape, 3)
    turned[:, [PELVIS, CHEST]] = _branch_rotations(points, rest)
    lower, axes = torch.zeros_like(points), torch.zeros_like(rest)
    for joint, axis in HINGE_AXES.items():
        bend = CHILDREN[joint][0]
        lower[:, joint] = points[:, CHILDREN[bend][0]] - points[:, bend]
        axes[joint] = _across(rest.new_tensor(axis), rest[bend])
    for joints in _generations():
        children = [CHILDREN[joint][0] for joint in joints]
        to_parent = turned[:, [SMPL_22_PARENTS[joint] for joint in joints]]
        bones, shins = ((to_parent.mT @ v[..., None])[..., 0] for v in (points[:, children] - points[:, joints], lower[:, joints]))
        turned[:, joints] = to_parent @ _bone_rotations(bones, shins, rest[children], axes[joints])
    _share_twist(turned, rest)
    for joint, children in enumerate(CHILDREN):
        if not children:
            turned[:, joint] = turned[:, SMPL_22_PARENTS[joint]]
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


def _branch_rotations(points: Tensor, rest: Tensor) -> Tensor:
    """World rotations (T, 2, 3, 3) of pelvis and chest.

    Where the children of one lie in a line, the turn about it comes from other frames, or, without any, from the other joint.
    """
    shapes = [_correlation(points, rest, joint) for joint in (PELVIS, CHEST)]
    fits = [_least_squares_rotation(shape) for shape in shapes]
    found = []
    for shape, fit, other in zip(shapes, fits, reversed(fits), strict=True):
        rotations, known = fit if bool(fit[1].any()) else other
        if not bool(known.any()):
            rotations = torch.eye(3).to(shape).expand_as(shape)
        weight = torch.where(fit[1], 0.0, 1e-6).to(shape)
        found.append(_least_squares_rotation(shape + weight[:, None, None] * filled_rotations(rotations, known))[0])
    return torch.stack(found, dim=1)


def _correlation(points: Tensor, rest: Tensor, joint: int) -> Tensor:
    """Sum (T, 3, 3) over a joint's bones of bone times rest bone, the latter in the clip's length, for a unit of summed squares."""
    children = list(CHILDREN[joint])
    bones = points[:, children] - points[:, [joint]]
    template = rest[children] * bones.norm(dim=-1).median(0).values[:, None]
    return torch.einsum("tci,cj->tij", bones, template) / template.square().sum().clamp_min(SHORTEST_BONE**2)


def _least_squares_rotation(correlation: Tensor) -> tuple[Tensor, Tensor]:
    """Rotations (T, 3, 3) nearest to `correlation` (T, 3, 3), and (T,) whether there is only one such (Kabsch 1976)."""
    u, spread, v = torch.linalg.svd(correlation)
    signs = torch.ones_like(spread)
    signs[:, 2] = torch.linalg.det(u @ v).sign()
    return (u * signs[:, None]) @ v, (spread[:, 1] + signs[:, 2] * spread[:, 2]) > LEAST_SPREAD


def _bone_rotations(bones: Tensor, lower: Tensor, rest: Tensor, axes: Tensor) -> Tensor:
    """Rotations (T, L, 3, 3) in the parents' frames that bring rest directions (L, 3) to those of bones (T, L, 3).

    lower: (T, L, 3) the bones behind the elbow or knee, 0 where there is none; axes: (L, 3) the hinges at rest.
    """
    seen = bones.norm(dim=-1) > SHORTEST_BONE
    directions = filled_directions(torch.where(seen.any(0)[:, None], bones, rest), seen)
    swing = shortest_arc(rest.expand_as(directions), directions)
    carried = parallel_transport(swing[0], directions)
    twist = _angle_about(rest, carried.mT @ swing)
    hinge, bent = _hinge_twist(directions, lower, carried, rest, axes)
    bent &= seen
    hinge = torch.where(_past_straight(hinge, bent, twist), hinge + torch.pi, hinge)
    near_rest = seen & ((directions * rest).sum(-1) > FARTHEST_SWING)
    twist = filled_angles(torch.where(bent.any(0), hinge, twist), torch.where(bent.any(0), bent, near_rest))
    return carried @ matrix_from_rotation_vector(twist[..., None] * rest)


def _hinge_twist(directions: Tensor, lower: Tensor, carried: Tensor, rest: Tensor, axes: Tensor) -> tuple[Tensor, Tensor]:
    """Radians (T, L) about the bone from `carried` to the frame whose hinge is square to both bones, and whether the limb is bent."""
    normal = torch.linalg.cross(directions, F.normalize(lower, dim=-1))
    bent = (normal.norm(dim=-1) > LEAST_BEND) & (lower.norm(dim=-1) > SHORTEST_BONE)
    normal = (carried.mT @ normal[..., None])[..., 0]
    return torch.atan2((torch.linalg.cross(rest, axes) * normal).sum(-1), (axes * normal).sum(-1)), bent


def _past_straight(hinge: Tensor, bent: Tensor, swing: Tensor) -> Tensor:
    """Where (T, L) a limb bends the wrong way round its hinge, told by a plane that turns over from one bent frame to the next.

    Of the two readings of a clip the one is taken in which most of it bends as joints do; between equals, the one nearer to `swing`,
    the radians of the smallest turn.
    """
    earlier = torch.cat((torch.zeros_like(bent[:1], dtype=torch.long), known_neighbours(bent).before[:-1]))
    frames = torch.arange(len(bent))[:, None]
    step = wrap_angle(hinge - hinge.gather(0, earlier)).abs()
    overturned = bent & (step > torch.pi / 2) & (step > FASTEST_TURN_OVER * (frames - earlier))
    sides = torch.where(overturned, -1.0, 1.0).to(hinge).cumprod(0)
    balance = (sides * bent * (1 + 0.5 * torch.cos(hinge - swing))).sum(0)
    return sides * torch.where(balance < 0, -1.0, 1.0) < 0


def _share_twist(turned: Tensor, rest: Tensor) -> None:
    """The turn about the spine from pelvis to chest, spread evenly over its joints instead of left to the last."""
    last = quaternion_from_matrix(turned[:, SPINE[-1]].mT @ turned[:, CHEST])
    # The sine of the turn about the bone: it grows like the angle, and fades before half a turn, where left becomes right
    twist = 2 * last[:, 0] * (last[:, 1:] * rest[CHEST]).sum(-1)
    for number, joint in enumerate(SPINE, start=1):
        share = twist[:, None] * number / (len(SPINE) + 1)
        turned[:, joint] = turned[:, joint] @ matrix_from_rotation_vector(share * rest[CHILDREN[joint][0]])


def _angle_about(axis: Tensor, rotation: Tensor) -> Tensor:
    """Radians (..., ) about unit `axis` (..., 3) of rotations (..., 3, 3) that leave it where it is."""
    q = quaternion_from_matrix(rotation)
    return 2 * torch.atan2((q[..., 1:] * axis).sum(-1), q[..., 0])


def _across(vector: Tensor, direction: Tensor) -> Tensor:
    """The unit vector nearest to `vector` (3,) that is square to unit `direction` (3,)."""
    return F.normalize(vector - (vector @ direction) * direction, dim=-1)


def _own_offsets(points: Tensor, turned: Tensor, rest: Tensor) -> Tensor:
    """Offsets (22, 3): medians over time, along the rest directions except at pelvis and chest."""
    parents = list(SMPL_22_PARENTS[1:])
    bones = points[:, 1:] - points[:, parents]
    along = rest[1:] * bones.norm(dim=-1).median(0).values[:, None]
    seen = (turned[:, parents].mT @ bones[..., None])[..., 0].median(0).values
    branches = torch.tensor([parent in (PELVIS, CHEST) for parent in parents])[:, None]
    return torch.cat((torch.zeros_like(rest[:1]), torch.where(branches, seen, along)))
