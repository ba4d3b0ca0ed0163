"""Names of the motion packs; without imports, so that the command line can list them at once."""

PACKS = ("bandai_namco", "cmu", "accad")
