"""Presenters: what the domain knows, as a template shows it; pure."""
