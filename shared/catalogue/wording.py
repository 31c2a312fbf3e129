"""Wording: what an application and its options are called in other languages.

`locales/<language>.json` of a package maps sentences of `application.toml` and
`options.schema.json` to their translations. English is its own key, so what is missing stays
English, and what nobody says any more is refused.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from shared import documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from shared.documents import Problems

    Wording = Mapping[str, str]

FOLDER: Final = "locales"
LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
SAID: Final = frozenset({"title", "description", "help", "suffix"})
"""Names under which a schema says something to people."""


def read(package: Path, known: frozenset[str]) -> tuple[dict[str, Wording], Problems]:
    """Return what a package is called in each language, and what is wrong with that.

    Args:
        package: its folder.
        known: what it says in English.
    """
    found: dict[str, Wording] = {}
    problems: Problems = {}
    for path in sorted((package / FOLDER).glob("*.json")):
        file = f"{FOLDER}/{path.name}"
        if not LANGUAGE.fullmatch(path.stem):
            problems[file] = "must be named like a language, such as de.json"
        wording, mistakes = _read(path, known)
        found[path.stem] = wording
        problems |= {f"{file} {where}": reason for where, reason in mistakes.items()}
    return found, problems


def _read(path: Path, known: frozenset[str]) -> tuple[Wording, Problems]:
    try:
        wording = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return {}, {documents.WHOLE: f"is not valid JSON: {error}"}
    if not isinstance(wording, dict):
        return {}, {documents.WHOLE: "must be an object: English to translation"}
    problems = {
        json.dumps(english): "is said nowhere in this package" for english in wording.keys() - known
    }
    problems |= {
        json.dumps(english): "must be text that is not empty"
        for english, said in wording.items()
        if not isinstance(said, str) or not said.strip()
    }
    return wording, problems


def sentences(schema: object) -> Iterator[str]:
    """Yield what a schema says to people."""
    for name, value in _members(schema):
        if name in SAID and isinstance(value, str):
            yield value
        else:
            yield from sentences(value)


def translated(schema: dict[str, Any], wording: Wording) -> dict[str, Any]:
    """Return a schema that says the same in another language, and means the same."""
    return {name: _translated(name, value, wording) for name, value in schema.items()}


def _translated(name: str, value: object, wording: Wording) -> object:
    if name in SAID and isinstance(value, str):
        return wording.get(value, value)
    if isinstance(value, dict):
        return translated(value, wording)
    if isinstance(value, list):
        return [translated(it, wording) if isinstance(it, dict) else it for it in value]
    return value


def _members(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from (("", it) for it in value)
