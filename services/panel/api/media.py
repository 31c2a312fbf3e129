"""Media types: what a client says it can read (RFC 9110, 12.5.1)."""

from typing import Final

JSON: Final = "application/json"
_ANY: Final = "*/*"


def is_accepted(accept: str, *offered: str) -> bool:
    """Say whether any of what is offered can be read, by an Accept header."""
    ranges = [_range(it) for it in accept.split(",") if it.strip()]
    return not ranges or any(_quality(ranges, it) > 0 for it in offered)


def _range(text: str) -> tuple[str, float]:
    media, *parameters = (it.strip().lower() for it in text.split(";"))
    for it in parameters:
        name, _, value = it.partition("=")
        if name.strip() == "q":
            return media, _number(value.strip())
    return media, 1.0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


def _quality(ranges: list[tuple[str, float]], media: str) -> float:
    """Return how much a media type is wanted, by the most precise range that holds it."""
    for wanted in (media, f"{media.partition('/')[0]}/*", _ANY):
        found = [quality for name, quality in ranges if name == wanted]
        if found:
            return max(found)
    return 0.0
