"""A schema with every sort of field, and what a browser would submit of a page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.panel.domain.options import Schema

FILE: Final = Path(__file__).parent / "catalogue" / "workshop" / "options.schema.json"
SCHEMA: Final[Schema] = json.loads(FILE.read_text(encoding="utf-8"))
"""The options of an application that has one of every sort."""
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
