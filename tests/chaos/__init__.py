"""Chaos: every part killed at every step, and what that cost."""
