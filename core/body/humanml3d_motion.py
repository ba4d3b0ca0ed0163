"""Published features of HumanML3D and KIT-ML to motion on our skeleton, and back: the representation of the officially released weights.

They hold joint positions, so local rotations are found by inverse kinematics. Their bodies have bones of other lengths than the
default body, on which every motion of ours moves.
"""

from __future__ import annotations

from torch import Tensor

from ..contract import BodyMotion, Recipe, WeightsError
from ..geometry.inverse_kinematics import rotations_from_joints
from ..geometry.rotations import matrix_from_quaternion
from ..geometry.skeleton import REST_SKELETON, SMPL_22_NAMES, forward_kinematics
from .features import CONTACT_SPEED, foot_contacts
from .humanml3d import HUMANML3D, FeatureLayout, joints_from_features
from .humanml3d_encoding import features_from_joints, with_bone_lengths
from .kit_joints import kit_from_smpl, smpl_from_kit
from .motion_pose import MotionPose
from .on_default_body import on_default_body


class HumanML3DMotion:
    """263 features a frame at 20 fps (`HUMANML3D`) or 251 at 12.5 fps (`KIT_ML`): joint positions relative to the way they go.

    mean, std: (D,) of the tokenizer, which are not those of the data set. Raises WeightsError for statistics that do not fit.
    """

    def __init__(self, layout: FeatureLayout, mean: Tensor, std: Tensor) -> None:
        _check_statistics(layout, mean, std)
        self.layout = layout
        self.n_features, self.fps = layout.n_features, layout.fps
        self.mean, self.std = mean, std

    def normalise(self, raw: Tensor) -> Tensor:
        return (raw - self.mean.to(raw)) / self.std.to(raw)

    def denormalise(self, features: Tensor) -> Tensor:
        return features * self.std.to(features) + self.mean.to(features)

    def decode(self, features: Tensor, recipe: Recipe) -> BodyMotion:
        """Normalised features (T, D) to a motion that starts at the origin, facing +Z. Raises WeightsError if one is no number."""
        raw = self.denormalise(features.cpu().double())
        _check_finite(raw)
        joints = joints_from_features(raw, self.layout)
        joints = joints if self.layout == HUMANML3D else smpl_from_kit(joints)
        _, rotations, own = rotations_from_joints(joints)
        translation, rotations = on_default_body(joints, rotations, own, self.fps)
        return BodyMotion(
            translation=translation.float().numpy(),
            rotations=rotations.float().numpy(),
            contacts=self._contacts(raw, translation, rotations).float().numpy(),
            joint_names=REST_SKELETON.names,
            parents=REST_SKELETON.parents,
            offsets=REST_SKELETON.offsets.float().numpy(),
            fps=self.fps,
            recipe=recipe,
        )

    def encode(self, motion: BodyMotion) -> Tensor:
        """A motion of T frames at the set's rate as normalised features (T - 1, D): its place and the way it faces are not in them.

        Raises ValueError for another rate, a single frame, or without SMPL's 22 joints.
        """
        if motion.fps != self.fps:
            raise ValueError(f"features of {self.layout.name} are made at {self.fps:g} fps, not at {motion.fps:g}")
        joints = _joints_of(motion)
        joints = with_bone_lengths(joints) if self.layout == HUMANML3D else kit_from_smpl(joints)
        return self.normalise(features_from_joints(joints, self.layout)).float()

    def _contacts(self, raw: Tensor, translation: Tensor, rotations: Tensor) -> Tensor:
        """Contacts (T, 4) in 0..1 as a BodyMotion has them: of feet that stand as ours do, if the model says so, too.

        A foot of HumanML3D counts as standing up to 0.9 m/s: planted by that, a swing would stick. One of KIT-ML does up to 3 mm/s: that
        leaves out nine standing feet of ten, so that there only the motion tells.
        """
        positions, _ = forward_kinematics(REST_SKELETON, matrix_from_quaternion(rotations), translation)
        standing = foot_contacts(positions, REST_SKELETON, self.fps)
        published_speed = self.layout.contact_threshold**0.5 * self.layout.metres_per_unit * self.fps
        return standing * raw[:, self.layout.groups["contacts"]].clamp(0, 1) if published_speed > CONTACT_SPEED else standing


def _joints_of(motion: BodyMotion) -> Tensor:
    """Joint positions (T, 22, 3) in SMPL's order, metres."""
    return MotionPose.of(motion).positions[:, [motion.joint_names.index(name) for name in SMPL_22_NAMES]]


def _check_statistics(layout: FeatureLayout, mean: Tensor, std: Tensor) -> None:
    for name, values in (("mean", mean), ("standard deviation", std)):
        if values.shape != (layout.n_features,) or not bool(values.isfinite().all()):
            raise WeightsError(
                f"The {name} that came with the weights should be {layout.n_features} numbers for {layout.name}"
                f" but is {tuple(values.shape)}, or holds one that is no number: get the weights again."
            )
    if not bool((std > 0).all()):
        raise WeightsError(f"The standard deviation that came with the weights has {int((std <= 0).sum())} zeros: get the weights again.")


def _check_finite(raw: Tensor) -> None:
    broken = ~raw.float().isfinite().all(-1)
    if bool(broken.any()):
        first = int(broken.nonzero()[0])
        raise WeightsError(
            f"The model made {int(broken.sum())} of {len(raw)} frames of values that are no numbers, the first is frame {first}:"
            " choose the CPU in the preferences, or install its weights again."
        )
