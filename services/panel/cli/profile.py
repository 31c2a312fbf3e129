"""Where the panel is and which token opens it: a file of its own, readable by nobody else."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from shared import program

from .failures import CommandFailedError, Status

URL_VARIABLE: Final = "FEDIVERSITY_URL"
TOKEN_FILE_VARIABLE: Final = "FEDIVERSITY_TOKEN_FILE"  # noqa: S105 - the name of a variable
CA_FILE_VARIABLE: Final = "FEDIVERSITY_CA_FILE"


@dataclass(frozen=True, slots=True)
class Profile:
    """A panel and how to get in."""

    url: str
    token: str
    authority: str | None = None
    """File with a certificate authority to trust as well."""


def path() -> Path:
    """Return the file that holds the profile."""
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "fediversity" / "profile.json"


def save(profile: Profile) -> Path:
    """Keep a profile, in one piece and for nobody else to read."""
    file = path()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".profile-")  # made with 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as new:
        json.dump(asdict(profile), new)
    Path(name).replace(file)
    return file


def load() -> Profile:
    """Return the profile: what the environment says, else what `login` kept.

    What was kept for one panel is never used for another: that one would get to see the token.

    Raises:
        CommandFailedError: there is none.
    """
    kept = _kept()
    asked = os.environ.get(URL_VARIABLE, "").rstrip("/")
    if kept and asked and asked != kept.url:
        kept = None
    url = asked or (kept.url if kept else "")
    file = os.environ.get(TOKEN_FILE_VARIABLE)
    token = read_token(Path(file)) if file else (kept.token if kept else "")
    if not url or not token:
        raise CommandFailedError(Status.NOT_ALLOWED, _not_signed_in(asked))
    authority = os.environ.get(CA_FILE_VARIABLE) or (kept.authority if kept else None)
    return Profile(url, token, authority)


def read_token(file: Path) -> str:
    """Return the token in a file."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CommandFailedError(
            Status.USAGE, f"the token file {file} cannot be read: {error.strerror}"
        ) from error


def _not_signed_in(url: str) -> str:
    if url:
        return f"no token is kept for {url}; name a file with one in {TOKEN_FILE_VARIABLE}"
    return (
        f"not signed in; run: {program.typed()} login --url URL --token-file FILE "
        "(the hosting provider gives you a token)"
    )


def _kept() -> Profile | None:
    try:
        found = json.loads(path().read_text(encoding="utf-8"))
        return Profile(found["url"], found["token"], found.get("authority"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CommandFailedError(
            Status.NOT_ALLOWED,
            f"{path()} cannot be read; sign in again: {program.typed()} login",
        ) from error
