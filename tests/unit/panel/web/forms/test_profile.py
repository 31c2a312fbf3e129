"""The profile: what a schema may hold to be shown as a form, and what is said about the rest."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from services.panel.web.forms import profile
from services.panel.web.forms.profile import objections
from shared import catalogue
from tests.support.forms import PERMANENT, SCHEMA

ROOT = Path(__file__).resolve().parents[5]
FOLDERS = (ROOT / "nix" / "applications", ROOT / "tests" / "support" / "catalogue")
APPLICATIONS = catalogue.load(FOLDERS).applications


def schema_with(**options: Any) -> dict[str, Any]:  # noqa: ANN401 - schemas
    said = {
        name: {"title": "It", "description": "What it is.", **it} for name, it in options.items()
    }
    return {
        "$schema": profile.DIALECT,
        "type": "object",
        "additionalProperties": False,
        "properties": said,
    }


TEXT = {"type": "string", "maxLength": 9}


@pytest.mark.parametrize("name", sorted(APPLICATIONS))
def test_every_application_of_the_catalogue_keeps_to_the_profile(name: str) -> None:
    found = APPLICATIONS[name]

    assert objections(found.options_schema, found.immutable) == []


def test_a_schema_with_every_sort_of_field_keeps_to_the_profile() -> None:
    assert objections(SCHEMA, PERMANENT) == []


@pytest.mark.parametrize(
    ("option", "place"),
    [
        ({"type": "null"}, "/type"),
        ({"type": ["string", "null"], "maxLength": 3}, "/type"),
        ({"type": "string"}, ": a text needs one of"),
        ({**TEXT, "const": "a"}, "/const"),
        ({**TEXT, "title": ""}, "/title"),
        ({**TEXT, "description": ""}, "/description"),
        ({"type": "string", "format": "ipv4"}, "/format"),
        ({**TEXT, "default": "a"}, "set minLength to 1"),
        ({**TEXT, "default": "x" * 10}, "/default"),
        ({**TEXT, "examples": ["x" * 10]}, "/examples/0"),
        ({**TEXT, "writeOnly": True}, "/writeOnly"),
        ({**TEXT, "x-secret": True, "default": "", "minLength": 0}, "/x-secret"),
        ({**TEXT, "x-ui": {"colour": "red"}}, "/x-ui/colour"),
        ({**TEXT, "x-ui": {"order": "first"}}, "/x-ui/order"),
        ({**TEXT, "x-ui": {"widget": "slider"}}, "/x-ui/widget"),
        ({**TEXT, "x-ui": []}, "/x-ui: must be an object"),
        ({**TEXT, "x-ui": {"immutable": True}}, "/x-ui/immutable"),
        ({**TEXT, "x-ui": {"showIf": {"other": 1}}}, "/x-ui/showIf"),
        ({"enum": []}, "choices are"),
        ({"enum": ["a", None]}, "a choice is"),
        ({"enum": ["1", 1]}, "choices are"),
        ({"oneOf": [{"const": "a"}, {"type": "string"}]}, "choices are"),
        ({"enum": ["a"], "minLength": 3}, "/minLength"),
        ({"type": "array", "items": {"type": "object"}}, "/items"),
        ({"type": "array", "items": {"type": "string"}, "contains": {}}, "/contains"),
        ({"type": "object", "properties": {}}, "refuses additionalProperties"),
        ({"$ref": "https://example.org/schema"}, "/$ref"),
        ({"$ref": "#/$defs/nothing"}, "/$ref"),
    ],
)
def test_what_the_profile_does_not_know_is_named_by_its_place(
    option: dict[str, Any], place: str
) -> None:
    found = objections(schema_with(it=option))

    assert [it for it in found if it.startswith("/properties/it") and place in it], found


def test_a_name_that_is_no_name_is_named() -> None:
    assert "small letters" in objections(schema_with(**{"No-name": TEXT}))[0]


def test_what_is_no_schema_is_named() -> None:
    assert objections({"type": "nonsense"}) == ["/type: is not a JSON Schema"]


def test_groups_that_are_nested_too_deeply_are_named() -> None:
    option: dict[str, Any] = TEXT
    for _ in range(3):
        option = schema_with(below=option) | {"title": "It", "description": "What it is."}
        del option["$schema"]

    assert any("nested" in it for it in objections(schema_with(it=option)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"if": {"properties": {"is_open": {"const": True}}}}, "requires all of them"),
        ({"if": {"properties": {"about": {"const": "a"}}, "required": ["about"]}}, "no toggle"),
        ({"then": {"properties": {}}}, "only requires options"),
        ({"then": {"required": ["nothing"]}}, "only requires options"),
        ({"else": {"required": ["name"]}}, "/else"),
        ({"allOf": [{"required": ["about"]}]}, "holds nothing but conditions"),
        ({"required": ["welcome"]}, "cannot always be required"),
        ({"required": ["nothing"]}, "does not exist"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema"),
        ({"dependentRequired": {}}, "/dependentRequired"),
    ],
)
def test_what_a_whole_schema_may_not_hold_is_named(change: dict[str, Any], said: str) -> None:
    found = objections(copy.deepcopy(SCHEMA) | change, PERMANENT)

    assert any(said in it for it in found), found
