"""Texts in requests: refused where they hold what cannot be kept."""

import re
from collections.abc import Iterator
from typing import Any, Final

from pydantic import ValidationInfo
from pydantic_core import PydanticCustomError

UNKEPT: Final = re.compile(r"[\x00\ud800-\udfff]")
"""What JSON can spell and neither UTF-8 nor the database can hold."""


def refuse_unkept(given: Any, _: ValidationInfo) -> Any:  # noqa: ANN401 - any JSON
    """Return what was given, unless some text in it cannot be kept."""
    if any(UNKEPT.search(text) for text in _texts(given)):
        raise PydanticCustomError("text_unkept", "texts cannot hold NUL or half of a character")
    return given


def _texts(given: object) -> Iterator[str]:
    """Yield every text in a value; it may be nested too deeply for recursion."""
    waiting = [given]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, list):
            waiting.extend(found)
        elif isinstance(found, dict):
            waiting.extend((*found, *found.values()))
