"""Rotations and skeletons."""
