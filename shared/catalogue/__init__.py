"""The catalogue: application packages as data, and what each of them asks of a provider.

    catalogue.load(provider.catalogue.folders).resources(orders, provider.sizes, domain)

A package is a folder with `application.toml` and `options.schema.json`; adding an application takes
no Python. Everything here is pure: the same folders and options always give the same resources.
"""

from .application import (
    Application,
    SecretKind,
    SecretScope,
    Standalone,
    StateManifest,
    StateSecret,
    Unit,
)
from .loading import load
from .requests import Catalogue, is_media_label, media_host

__all__ = [
    "Application",
    "Catalogue",
    "SecretKind",
    "SecretScope",
    "Standalone",
    "StateManifest",
    "StateSecret",
    "Unit",
    "is_media_label",
    "load",
    "media_host",
]
