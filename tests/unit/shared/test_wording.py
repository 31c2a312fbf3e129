"""What applications are called in other languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared import catalogue, errors

if TYPE_CHECKING:
    from shared.catalogue import Application

ROOT = Path(__file__).resolve().parents[3]
APPLICATIONS = catalogue.load([ROOT / "nix" / "applications"]).applications
LANGUAGES = ("de", "fr", "nl")
PACKAGE = """
title = "Book"
description = "A book."
versions = ["1.0.0"]
host_label = "book"
[machine]
sizes = ["small"]
http_port = 80
health_path = "/"
[[standalone.units]]
name = "book"
command = ["/usr/bin/true"]
"""
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "title": {
            "title": "Title",
            "description": "Shown on top.",
            "type": "string",
            "x-ui": {"help": "More.", "suffix": "pages"},
            "oneOf": [{"const": "a", "title": "First"}],
            "default": "Title",
        }
    },
}


def book(folder: Path, **files: object) -> Application:
    package = folder / "book"
    (package / "locales").mkdir(parents=True)
    (package / "application.toml").write_text(PACKAGE)
    (package / "options.schema.json").write_text(json.dumps(SCHEMA))
    for language, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (package / "locales" / f"{language}.json").write_text(text)
    return catalogue.load([folder]).applications["book"]


def test_everything_that_a_schema_says_is_said_in_another_language(tmp_path: Path) -> None:
    said = {
        "Title": "Titel",
        "Shown on top.": "Steht oben.",
        "More.": "Mehr.",
        "pages": "Seiten",
        "First": "Erstes",
        "A book.": "Ein Buch.",
    }
    found = book(tmp_path, de=said)

    option = found.options_schema_in("de")["properties"]["title"]
    assert (option["title"], option["description"]) == ("Titel", "Steht oben.")
    assert option["x-ui"] == {"help": "Mehr.", "suffix": "Seiten"}
    assert option["oneOf"] == [{"const": "a", "title": "Erstes"}]
    assert option["default"] == "Title", "a value is no wording"
    assert found.description_in("de") == "Ein Buch."


def test_what_is_missing_stays_english(tmp_path: Path) -> None:
    found = book(tmp_path, de={"Title": "Titel"})

    assert found.options_schema_in("de")["properties"]["title"]["description"] == "Shown on top."
    assert found.description_in("de") == "A book."
    assert found.options_schema_in("fr") is found.options_schema


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"Titel": "Titel"}, "is said nowhere"),
        ({"Title": ""}, "must be text"),
        ({"Title": 7}, "must be text"),
        (["Title"], "must be an object"),
        ("{", "is not valid JSON"),
    ],
)
def test_a_mistake_is_refused_by_file_and_place(
    tmp_path: Path, content: object, reason: str
) -> None:
    with pytest.raises(errors.InvalidError) as refused:
        book(tmp_path, de=content)

    [(place, said)] = refused.value.details.items()
    assert place.startswith("book/locales/de.json")
    assert reason in said


def test_a_file_that_is_named_like_no_language_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidError) as refused:
        book(tmp_path, Deutsch={})

    assert list(refused.value.details) == ["book/locales/Deutsch.json"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(APPLICATIONS))
def test_applications_of_this_project_are_described_in_every_language(
    name: str, language: str
) -> None:
    found = APPLICATIONS[name]
    options = found.options_schema["properties"]
    said = {
        found.description,
        *(it[key] for it in options.values() for key in ("title", "description")),
    }
    known = json.loads((found.folder / "locales" / f"{language}.json").read_text())

    assert (said | {found.description}) - known.keys() == set()
