"""Motion capture files and packs, brought onto the SMPL-22 skeleton."""
