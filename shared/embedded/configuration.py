"""The provider configuration of the embedded default, written for the allocated ports.

A person may take the file over: as soon as it differs from what was written, it is left alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.embedded.servers.seaweedfs import S3

from . import files
from .places import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .credentials import Credentials
    from .places import Options

TEMPLATE: Final = Path(__file__).with_name("provider.template.toml")
PANEL_HOST: Final = "panel.demo.localhost"


def public_scheme(options: Options) -> str:
    """Return the scheme of public URLs."""
    return "https" if options.is_tls else "http"


def public_port(options: Options, ports: Mapping[str, int]) -> int:
    """Return the port of public URLs."""
    return ports["front_tls" if options.is_tls else "front"]


def panel_url(options: Options, ports: Mapping[str, int]) -> str:
    """Return the URL of the panel."""
    return f"{public_scheme(options)}://{PANEL_HOST}:{public_port(options, ports)}"


def render(options: Options, ports: Mapping[str, int], credentials: Credentials) -> str:
    """Return the provider configuration."""
    return TEMPLATE.read_text(encoding="utf-8").format(
        ports={**ports, "s3": ports["objects"] + S3},
        panel_host=PANEL_HOST,
        public_scheme=public_scheme(options),
        public_port=public_port(options, ports),
        store_key_id=credentials.store_key_id,
        store_secret_file=credentials.store_secret_file,
        front_token_file=credentials.front_token_file,
        root=ROOT,
    )


def write(options: Options, ports: Mapping[str, int], credentials: Credentials) -> None:
    """Write the provider file, unless a person has changed it."""
    path = options.provider_file
    mark = path.with_suffix(".sha256")
    if path.exists() and mark.exists() and _is_changed(path, mark):
        return
    text = render(options, ports, credentials)
    files.write(path, text)
    files.write(mark, _digest(text))


def _is_changed(path: Path, mark: Path) -> bool:
    return _digest(path.read_text(encoding="utf-8")) != mark.read_text(encoding="ascii")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
