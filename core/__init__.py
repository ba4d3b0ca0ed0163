"""The inference core: text to body motion, on torch, without Blender."""
