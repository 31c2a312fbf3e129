"""Cursors: where a list goes on, in a form that says nothing to who carries it."""

import base64
import binascii
from collections.abc import Callable
from typing import Final

from shared import errors, ids

MARK: Final = "c"
"""Tells a cursor from a number, by which events go on."""
LONGEST_NAME: Final = 253
LONGEST: Final = 400
"""A cursor of the longest name there may be, and a little more."""


def encode(item: str) -> str:
    """Return the cursor of what follows an item."""
    return MARK + base64.urlsafe_b64encode(item.encode()).decode().rstrip("=")


def is_name(text: str) -> bool:
    """Say whether something can be the name of a domain."""
    return 0 < len(text) <= LONGEST_NAME and text.isprintable() and " " not in text


def decode(cursor: str, is_item: Callable[[str], bool] = ids.is_id) -> str:
    """Return the item that a cursor follows.

    Raises:
        InvalidError: it is none of ours.
    """
    text = cursor.removeprefix(MARK)
    try:
        item = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = item.decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        found = ""
    if not is_item(found) or encode(found) != cursor:
        message = "This is no place in a list. Take `next` of the part before, as it is."
        raise errors.InvalidError("cursor.invalid", message, details={"cursor": message})
    return found
