"""Motion to editable curves: the default character, SMPL rigs, and keys on them."""
