"""The catalogue: application packages as data, and what each of them asks of a provider.

    catalogue.load(provider.catalogue.folders).resources(orders, provider.sizes)

A package is a folder with `application.toml` and `options.schema.json`; adding an application takes
no Python. Everything here is pure: the same folders and options always give the same resources.
"""

from .application import Application, Standalone, StateManifest, Unit
from .loading import load
from .requests import Catalogue, resources

__all__ = [
    "Application",
    "Catalogue",
    "Standalone",
    "StateManifest",
    "Unit",
    "load",
    "resources",
]
