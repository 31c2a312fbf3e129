"""Every event that exists, found by its type; importing this module registers them all."""

from __future__ import annotations

from . import deployer, everyone, panel, provisioner, storage
from .messages import REGISTRY, Event

__all__ = ["REGISTRY", "deployer", "everyone", "find", "panel", "provisioner", "storage"]


def find(event_type: str) -> type[Event] | None:
    """Return the class for a CloudEvents type, or None for one that this release does not know."""
    return REGISTRY.get(event_type)
