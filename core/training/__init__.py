"""Data, losses and loops that make weights; inference never imports this."""
