"""What storage does: give deployments buckets with keys of their own, and take them back."""

from .grant import ADDRESSEE
from .service import Storage
from .stores import Store, Stores

__all__ = ["ADDRESSEE", "Storage", "Store", "Stores"]
