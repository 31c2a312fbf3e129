"""Places inside of the panel: where a page may lead to when a request says where."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

HOME: Final = "/deployments"
SIGN_IN: Final = "/sign-in"
CONFIRM: Final = "/confirm"
LONGEST: Final = 2000
# Leading back to these would ask again for what was just given.
NO_GOAL: Final = (SIGN_IN, "/sign-out", CONFIRM)


def own_path(text: str, otherwise: str = HOME) -> str:
    """Return a path of this panel that somebody named, or another if it is none."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return otherwise
    is_own = (
        text.startswith("/")
        and not text.startswith(("//", "/\\"))
        and not (parts.scheme or parts.netloc)
        and len(text) <= LONGEST
        and text.isprintable()
        and " " not in text
        and "\\" not in text
    )
    is_goal = is_own and not any(f"{parts.path}/".startswith(f"{it}/") for it in NO_GOAL)
    return text if is_goal else otherwise


def leading_to(page: str, goal: str, because: str = "") -> str:
    """Return the address of a page that leads on to another one, and may say why it is shown."""
    told = [f"because={because}"] if because else []
    if own_path(goal) != HOME:
        told.insert(0, f"next={quote(own_path(goal), safe='/')}")
    return f"{page}?{'&'.join(told)}" if told else page
