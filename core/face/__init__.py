"""Speech to face motion: one file for each part of DEEPTalk's figure (arXiv 2408.06010)."""
