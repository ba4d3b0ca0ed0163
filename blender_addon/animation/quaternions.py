"""Quaternions wxyz on numpy arrays (..., 4). Every rotation is active; leading dimensions are free and broadcast."""

from __future__ import annotations

import numpy as np

IDENTITY = np.array((1.0, 0.0, 0.0, 0.0))


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product a * b: first b, then a."""
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ),
        axis=-1,
    )


def inverse(q: np.ndarray) -> np.ndarray:
    """Inverse of unit quaternions."""
    return q * (1.0, -1.0, -1.0, -1.0)


def unit(q: np.ndarray) -> np.ndarray:
    """Of length one; what has no length is no rotation and becomes the identity."""
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    return np.asarray(np.where(length > 0, q / np.where(length > 0, length, 1.0), IDENTITY))


def from_matrices(m: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) to unit quaternions with w >= 0 (Bar-Itzhack 2000: an eigenvector, so never near 0 / 0)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = np.moveaxis(m, (-2, -1), (0, 1))
    upper = (xx + yy + zz, zy - yz, xz - zx, yx - xy, xx - yy - zz, xy + yx, xz + zx, yy - xx - zz, yz + zy, zz - xx - yy)
    symmetric = np.empty((*np.shape(xx), 4, 4))
    symmetric[..., *np.triu_indices(4)] = np.stack(upper, axis=-1)
    q = np.linalg.eigh(symmetric, UPLO="U")[1][..., -1]
    return np.asarray(np.where(q[..., :1] < 0, -q, q))


def from_axis_angle(turns: np.ndarray) -> np.ndarray:
    """Turns (..., 3) in radians to unit quaternions."""
    angle = np.linalg.norm(turns, axis=-1, keepdims=True)
    # sin(a / 2) / a, which is a half where nothing turns
    return np.concatenate((np.cos(angle / 2), turns * np.sinc(angle / (2 * np.pi)) / 2), axis=-1)


def rotate(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) turned by unit quaternions."""
    t = 2.0 * np.cross(q[..., 1:], v)
    return np.asarray(v + q[..., :1] * t + np.cross(q[..., 1:], t))


def shortest_arc(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Smallest rotation that brings the direction of the vector `a` (3,) to that of `b` (3,), which must not be opposite."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    q = np.append(1.0 + a @ b, np.cross(a, b))
    return np.asarray(q / np.linalg.norm(q))


def sign_continuous(q: np.ndarray) -> np.ndarray:
    """Quaternions (T, 4) with signs flipped so that the first has w >= 0 and neighbours in time lie in one hemisphere."""
    flips = np.where(np.sum(q[1:] * q[:-1], axis=-1) < 0, -1.0, 1.0)
    first = -1.0 if q[0, 0] < 0 else 1.0
    return np.asarray(q * (first * np.cumprod(np.append(1.0, flips)))[:, None])
