"""A schema with every sort of field, and what a browser would submit of a page."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.panel.domain.options import Schema

SCHEMA: Final[Schema] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Atelier",
    "description": "Has an option of every sort.",
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "password"],
    "$defs": {
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "title": "A port"},
    },
    "properties": {
        "name": {
            "title": "Name",
            "description": "What it is called.",
            "type": "string",
            "minLength": 2,
            "maxLength": 20,
            "examples": ["Garden"],
            "x-ui": {"order": 1},
        },
        "about": {
            "title": "About",
            "description": "A few words.",
            "type": "string",
            "maxLength": 500,
            "x-ui": {"order": 2, "help": "It stands on the first page."},
        },
        "colour": {
            "title": "Colour",
            "description": "Of the heading.",
            "type": "string",
            "pattern": "^#[0-9a-f]{6}$",
            "default": "#2f6f4f",
            "examples": ["#1d4ed8"],
            "x-ui": {"order": 3},
        },
        "language": {
            "title": "Language",
            "description": "Of the page.",
            "oneOf": [{"const": "en", "title": "English"}, {"const": "de", "title": "Deutsch"}],
            "default": "en",
            "x-ui": {"order": 4, "immutable": True},
        },
        "days": {
            "title": "Days",
            "description": "How long entries stay.",
            "enum": [7, 30, 90],
            "x-ui": {"order": 5},
        },
        "tags": {
            "title": "Tags",
            "description": "What it is about.",
            "type": "array",
            "items": {"enum": ["art", "craft", "music"]},
            "minItems": 1,
            "maxItems": 2,
            "uniqueItems": True,
            "default": ["art"],
            "x-ui": {"order": 6},
        },
        "blocked": {
            "title": "Blocked servers",
            "description": "Nothing is taken from these.",
            "type": "array",
            "items": {"type": "string", "format": "hostname", "maxLength": 253},
            "maxItems": 3,
            "x-ui": {"order": 7},
        },
        "is_open": {
            "title": "Open",
            "description": "Whether anybody may join.",
            "type": "boolean",
            "default": False,
            "x-ui": {"order": 8},
        },
        "welcome": {
            "title": "Welcome",
            "description": "What somebody who joins reads.",
            "type": "string",
            "maxLength": 80,
            "x-ui": {"order": 9, "showIf": {"is_open": True}},
        },
        "limit": {
            "title": "Largest picture",
            "description": "The most that a picture may have.",
            "type": "number",
            "minimum": 0.5,
            "maximum": 16,
            "default": 8,
            "x-ui": {"order": 10, "suffix": "MiB"},
        },
        "port": {
            "$ref": "#/$defs/port",
            "title": "Port",
            "description": "Where it listens.",
            "x-ui": {"order": 11, "advanced": True, "restartRequired": False},
        },
        "password": {
            "title": "Password",
            "description": "Of the first account.",
            "type": "string",
            "minLength": 8,
            "maxLength": 200,
            "x-secret": True,
            "writeOnly": True,
            "x-ui": {"order": 12},
        },
        "serial": {
            "title": "Serial number",
            "description": "Given by the provider.",
            "type": "string",
            "maxLength": 20,
            "readOnly": True,
            "x-ui": {"order": 13},
        },
        "mail": {
            "title": "Mail",
            "description": "How it sends mail.",
            "type": "object",
            "additionalProperties": False,
            "required": ["sender"],
            "properties": {
                "sender": {
                    "title": "Sender",
                    "description": "Whom mail comes from.",
                    "type": "string",
                    "format": "email",
                },
                "replies": {
                    "title": "Replies",
                    "description": "Where answers go.",
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "to": {
                            "title": "Answers to",
                            "description": "An address.",
                            "type": "string",
                            "format": "email",
                        }
                    },
                },
            },
            "x-ui": {"order": 14},
        },
    },
    "if": {"properties": {"is_open": {"const": True}}, "required": ["is_open"]},
    "then": {"required": ["welcome"]},
}
PERMANENT: Final = ("language",)
Pairs = list[tuple[str, str]]


def submitted(page: str, action: str = "") -> Pairs:
    """Return what a browser would submit of the form on a page, untouched."""
    reader = _Reader(action)
    reader.feed(page)
    return reader.pairs


def changed(pairs: Pairs, **fields: str | Sequence[str] | None) -> Pairs:
    """Return a submission with other entries: None takes a field out. `__` stands for a dot."""
    names = {name.replace("__", "."): it for name, it in fields.items()}
    kept = [(name, value) for name, value in pairs if name not in names]
    for name, it in names.items():
        values = [it] if isinstance(it, str) else list(it or ())
        kept += [(name, value) for value in values]
    return kept


class _Reader(HTMLParser):
    def __init__(self, action: str) -> None:
        super().__init__()
        self.pairs: Pairs = []
        self._action = action
        self._is_inside = not action
        self._list = ""
        self._chosen: str | None = None
        self._area: list[str] | None = None

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        it: dict[str, Any] = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = not self._action or it.get("action") == self._action
        elif self._is_inside and tag == "input" and "name" in it:
            self._input(it)
        elif self._is_inside and tag == "textarea":
            self._list, self._area = it["name"], []
        elif self._is_inside and tag == "select":
            self._list, self._chosen = it["name"], None
        elif self._is_inside and tag == "option" and (self._chosen is None or "selected" in it):
            self._chosen = it["value"]

    @override
    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area.append(data)

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._action:
            self._is_inside = False
        elif tag == "textarea" and self._area is not None:
            text = "".join(self._area)
            self.pairs.append((self._list, text.removeprefix("\n").replace("\n", "\r\n")))
            self._area = None
        elif tag == "select" and self._is_inside:
            self.pairs.append((self._list, self._chosen or ""))

    def _input(self, it: dict[str, str]) -> None:
        is_box = it.get("type") in {"checkbox", "radio"}
        if it.get("type") != "submit" and (not is_box or "checked" in it):
            self.pairs.append((it["name"], it.get("value", "on" if is_box else "")))
