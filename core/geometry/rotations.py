"""Rotations as quaternions (wxyz), 3x3 matrices, rotation vectors and 6-D vectors.

Every rotation is active and acts on column vectors. Leading dimensions are free (`...`) and broadcast.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def quaternion_multiply(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton product a * b, `(..., 4)`: first b, then a."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ),
        dim=-1,
    )


def quaternion_conjugate(q: Tensor) -> Tensor:
    """Inverse of unit quaternions `(..., 4)`."""
    return q * q.new_tensor([1.0, -1.0, -1.0, -1.0])


def rotate(q: Tensor, v: Tensor) -> Tensor:
    """Vectors `(..., 3)` turned by unit quaternions `(..., 4)`."""
    w, axis = q[..., :1], q[..., 1:]
    axis, v = torch.broadcast_tensors(axis, v)
    t = 2.0 * torch.linalg.cross(axis, v)
    return v + w * t + torch.linalg.cross(axis, t)


def matrix_from_quaternion(q: Tensor) -> Tensor:
    """Unit quaternions `(..., 4)` to matrices `(..., 3, 3)`."""
    w, x, y, z = q.unbind(-1)
    rows = (
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    )  # fmt: skip
    return torch.stack(rows, dim=-1).reshape(*q.shape[:-1], 3, 3)


def quaternion_from_matrix(m: Tensor) -> Tensor:
    """Matrices `(..., 3, 3)` to unit quaternions `(..., 4)` with w >= 0 (Shepperd 1978: the largest component first)."""
    d0, d1, d2 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    x, y, z = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    candidates = torch.stack(
        (
            torch.stack((1 + d0 + d1 + d2, x, y, z), -1),
            torch.stack((x, 1 + d0 - d1 - d2, xy, xz), -1),
            torch.stack((y, xy, 1 - d0 + d1 - d2, yz), -1),
            torch.stack((z, xz, yz, 1 - d0 - d1 + d2), -1),
        ),
        dim=-2,
    )
    best = torch.diagonal(candidates, dim1=-2, dim2=-1).argmax(-1)
    q = torch.gather(candidates, -2, best[..., None, None].expand(*best.shape, 1, 4)).squeeze(-2)
    q = F.normalize(q, dim=-1)
    return torch.where(q[..., :1] < 0, -q, q)


def quaternion_from_rotation_vector(v: Tensor) -> Tensor:
    """Rotation vectors (axis times angle, radians) `(..., 3)` to unit quaternions `(..., 4)`."""
    half = 0.5 * torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    # torch.sinc is sin(pi x) / (pi x), smooth at zero, where the axis is undefined
    return torch.cat((torch.cos(half), 0.5 * torch.sinc(half / torch.pi) * v), dim=-1)


def rotation_vector_from_quaternion(q: Tensor) -> Tensor:
    """Unit quaternions `(..., 4)` to rotation vectors `(..., 3)` of at most pi radians: the short way round."""
    q = torch.where(q[..., :1] < 0, -q, q)
    sine = torch.linalg.vector_norm(q[..., 1:], dim=-1, keepdim=True)
    # The angle over its sine tends to 2 where nothing turns
    ratio = torch.where(sine < 1e-9, 2.0, 2.0 * torch.atan2(sine, q[..., :1]) / sine.clamp_min(1e-9))
    return q[..., 1:] * ratio


def matrix_from_rotation_vector(v: Tensor) -> Tensor:
    """Rotation vectors `(..., 3)` in radians to matrices `(..., 3, 3)`."""
    return matrix_from_quaternion(quaternion_from_rotation_vector(v))


def matrix_about_axis(axis: str, angle: Tensor) -> Tensor:
    """Turn by `angle` `(...)` radians about one coordinate axis, "X", "Y" or "Z": `(..., 3, 3)`."""
    i = "XYZ".index(axis)
    unit = torch.zeros(3, dtype=angle.dtype)
    unit[i] = 1.0
    return matrix_from_rotation_vector(angle[..., None] * unit)


def matrix_from_euler(angles: Tensor, order: str) -> Tensor:
    """Intrinsic Euler angles `(..., 3)` in radians, in the order of `order` ("ZXY": first Z, then the turned X ...)."""
    a, b, c = (matrix_about_axis(axis, angles[..., i]) for i, axis in enumerate(order))
    return a @ b @ c


def rotation_6d_from_matrix(m: Tensor) -> Tensor:
    """First two columns of `(..., 3, 3)`, one after the other: `(..., 6)` (Zhou et al., CVPR 2019)."""
    return torch.cat((m[..., :, 0], m[..., :, 1]), dim=-1)


def matrix_from_rotation_6d(d6: Tensor) -> Tensor:
    """Gram-Schmidt of any `(..., 6)` to rotations `(..., 3, 3)` (Zhou et al., CVPR 2019)."""
    first = F.normalize(d6[..., :3], dim=-1)
    second = d6[..., 3:] - (first * d6[..., 3:]).sum(-1, keepdim=True) * first
    second = F.normalize(second, dim=-1)
    return torch.stack((first, second, torch.linalg.cross(first, second)), dim=-1)


def sign_continuous(q: Tensor) -> Tensor:
    """Quaternions `(T, ..., 4)` with signs flipped so that neighbours in time lie in one hemisphere."""
    dots = (q[1:] * q[:-1]).sum(-1, keepdim=True)
    flips = torch.where(dots < 0, -1.0, 1.0).to(q.dtype)
    return torch.cat((q[:1], q[1:] * torch.cumprod(flips, dim=0)), dim=0)


def twist_about_y(q: Tensor) -> Tensor:
    """Angle `(...)` in [-pi, pi) of the part of `(..., 4)` that turns about +Y; undefined where the body is upside down."""
    angle = 2.0 * torch.atan2(q[..., 2], q[..., 0])
    return wrap_angle(angle)


def quaternion_about_y(angle: Tensor) -> Tensor:
    """Turn by `angle` `(...)` radians about +Y: `(..., 4)`."""
    zero = torch.zeros_like(angle)
    return torch.stack((torch.cos(angle / 2), zero, torch.sin(angle / 2), zero), dim=-1)


def wrap_angle(angle: Tensor) -> Tensor:
    """The same angle in [-pi, pi)."""
    return torch.remainder(angle + torch.pi, 2 * torch.pi) - torch.pi


def angle_about(axis: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Radians (...) in [-pi, pi] about the unit vectors `axis` from `start` to `end`, all (..., 3), both square to it."""
    return torch.atan2((torch.linalg.cross(start, end) * axis).sum(-1), (start * end).sum(-1))


def shortest_arc(a: Tensor, b: Tensor) -> Tensor:
    """Smallest rotation `(..., 3, 3)` that brings the direction of `a` `(..., 3)` to that of `b`.

    Opposite directions turn by pi about an axis across them.
    """
    a, b = F.normalize(a, dim=-1), F.normalize(b, dim=-1)
    across = torch.linalg.cross(a, F.one_hot(a.abs().argmin(-1), 3).to(a))
    q = torch.cat((1 + (a * b).sum(-1, keepdim=True), torch.linalg.cross(a, b)), dim=-1)
    opposite = torch.cat((torch.zeros_like(q[..., :1]), F.normalize(across, dim=-1)), dim=-1)
    q = torch.where(q[..., :1] <= torch.finfo(q.dtype).eps, opposite, q)
    return matrix_from_quaternion(F.normalize(q, dim=-1))
