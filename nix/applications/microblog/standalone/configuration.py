"""What deployer tells the blog: its place on the network, its options, its secrets' places."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

BUCKET_SECRET = "bucket-media"  # noqa: S105 - the name of one


class ConfigurationError(Exception):
    """The blog cannot start like this; says what a person has to change."""


class Configuration:
    """Everything the blog is told from outside, in the file that deployer wrote."""

    def __init__(self, path: str) -> None:
        try:
            found = json.loads(Path(path).read_text(encoding="utf-8"))
            self.version: str = found["version"]
            # Where the world finds the blog and its pictures, on the operator's own domain.
            self.url: str = found["url"].rstrip("/")
            self.media_url: str = found["media_url"].rstrip("/")
            self.port: int = found["port"]
            self.state = Path(found["state"])
            self.avatars = self.state / "avatars"
            self.options: dict[str, Any] = found["options"]
            self.picture_limit = int(self.options["picture_limit_mib"]) << 20
            self.bucket: dict[str, str] = found["buckets"]["media"]
            self._secrets = {**found["secrets"], BUCKET_SECRET: self.bucket["secret_key_file"]}
            # The proxy through which anything outside is reached; None: nothing outside is.
            self.egress: str | None = found["doors"]["egress"]
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"{path} does not configure the blog: {error}") from error
        # The public name, with its port when that is an unusual one.
        self.netloc = urlsplit(self.url).netloc
        self.hosts = frozenset((self.netloc, self.netloc.partition(":")[0]))
        self.account = f"{self.options['handle']}@{self.netloc}"

    def secret(self, name: str) -> bytes:
        """Return what a secret's file holds; the blog never makes one itself."""
        try:
            content = Path(self._secrets[name]).read_bytes().strip()
        except (KeyError, OSError) as error:
            raise ConfigurationError(
                f"the secret {name} cannot be read ({error}); deploy again, or restore it"
            ) from error
        if not content:
            raise ConfigurationError(f"the secret {name} is empty; deploy again")
        return content


def log(line: str) -> None:
    """Write a line to the unit's log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")
