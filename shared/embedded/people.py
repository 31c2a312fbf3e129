"""The first person: made by the panel on an empty database, with a token that is kept here.

The links that sign this person in by browser work once and not for long, and are kept nowhere.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

from shared import errors, program

from . import credentials, files
from .servers import caddy

if TYPE_CHECKING:
    from .installation import Installation
    from .places import Options

PANEL: Final = "panel"
OPERATOR: Final = "Garden"
TOKEN: Final = re.compile(r"\bfdv_[0-9a-z]{20,}\b")
LINK: Final = re.compile(r"\bhttps?://\S+#fdv_\w{20,}")


async def ensure_first(installation: Installation) -> str | None:
    """Make the first person unless there is one; return the token when it is new."""
    file = installation.options.token
    panels = [it for it in installation.services if it.name == PANEL]
    if file.exists() or not panels:
        return None
    # Whoever runs everything on one computer is the provider too, and nobody else is there.
    printed = await panels[0].ask("create-admin", "--operator", OPERATOR, "--provider")
    found = TOKEN.search(printed)
    if found is None:
        raise errors.FaultError("panel.no_token", "the panel made a person but printed no token")
    files.write(file, found.group() + "\n", mode=credentials.PRIVATE)
    return found.group()


async def sign_in_link(installation: Installation) -> str | None:
    """Return a link that signs the first person in by browser, once, within ten minutes."""
    panels = [it for it in installation.services if it.name == PANEL]
    if not panels:
        return None
    found = LINK.search(await panels[0].ask("sign-in-link", "--operator", OPERATOR))
    if found is None:
        raise errors.FaultError("panel.no_link", "the panel printed no link to sign in with")
    return found.group()


def introduction(options: Options, token: str) -> str:
    """Return the one line that shows the token."""
    return f"the first person's token, shown this once and kept in {options.token}: {token}"


def invitation(link: str) -> str:
    """Return the one line that shows a link for the browser."""
    return f"sign in by browser, once and within ten minutes: {link}"


def sign_in(options: Options, panel_url: str) -> str:
    """Return the one line that signs the first person in on the command line."""
    words = [program.typed(), "login", "--url", panel_url, "--token-file", str(options.token)]
    if options.is_tls:
        words += ["--ca-file", str(caddy.root_certificate(options.part("caddy")))]
    return f"sign in with: {shlex.join(words)}"
