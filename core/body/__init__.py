"""Text to body motion: one file for each arrow of DisCoRD's figure (arXiv 2411.19527)."""
