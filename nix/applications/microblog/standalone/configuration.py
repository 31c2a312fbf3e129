"""What deployer tells the blog: its place on the network, its options, its secrets' places."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MEBIBYTE = 1 << 20


class ConfigurationError(Exception):
    """The blog cannot start like this; says what a person has to change."""


@dataclass(frozen=True)
class Configuration:
    """Everything the blog is told from outside."""

    version: str
    host: str
    url: str
    """Where the world finds the blog, without a slash at the end."""
    media_url: str
    """Where the world finds its pictures, on the operator's own domain."""
    port: int
    state: Path
    options: dict[str, Any]
    secrets: dict[str, Path]
    bucket: dict[str, str]
    egress: str | None
    """The proxy through which anything outside is reached; None: nothing outside is."""

    @property
    def netloc(self) -> str:
        """The public name, with its port when that is an unusual one."""
        return urlsplit(self.url).netloc

    @property
    def picture_limit(self) -> int:
        """The most bytes that a picture may have."""
        return int(self.options["picture_limit_mib"]) * MEBIBYTE

    def secret(self, name: str) -> bytes:
        """Return what a secret's file holds.

        Raises:
            ConfigurationError: there is no such file, or nothing in it.
        """
        if name not in self.secrets:
            raise ConfigurationError(f"the secret {name} is not configured; deploy again")
        return _content(name, self.secrets[name])

    def bucket_secret(self) -> str:
        """Return the secret part of the bucket's access key.

        Raises:
            ConfigurationError: there is no such file, or nothing in it.
        """
        return _content("bucket-media", Path(self.bucket["secret_key_file"])).decode()


def load(path: str) -> Configuration:
    """Read the file that deployer wrote.

    Raises:
        ConfigurationError: it is missing, or something is missing in it.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        return Configuration(
            version=found["version"],
            host=found["host"],
            url=found["url"].rstrip("/"),
            media_url=found["media_url"].rstrip("/"),
            port=found["port"],
            state=Path(found["state"]),
            options=found["options"],
            secrets={name: Path(it) for name, it in found["secrets"].items()},
            bucket=found["buckets"]["media"],
            egress=found["doors"]["egress"],
        )
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} is not a configuration of the blog: {error}") from error


def _content(name: str, path: Path) -> bytes:
    try:
        content = path.read_bytes().strip()
    except OSError as error:
        raise ConfigurationError(
            f"the secret {name} cannot be read from {path}: {error.strerror}; deploy again, or "
            "restore it: the blog never makes one itself"
        ) from error
    if not content:
        raise ConfigurationError(f"the secret {name} in {path} is empty; deploy again")
    return content


def log(line: str) -> None:
    """Write a line to the unit's log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")
