"""Weights of our own for faces: what a speaking face should do, derived from phones and rules, and the training on it."""
