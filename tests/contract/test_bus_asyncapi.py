"""The published AsyncAPI document is the one that the code stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft202012Validator

from shared.bus import __main__ as command
from shared.bus import asyncapi, streams
from shared.contracts.happenings import HappeningType
from shared.contracts.messages import REGISTRY

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def document() -> Any:  # noqa: ANN401 - a JSON document
    return yaml.safe_load(asyncapi.DOCUMENT.read_text(encoding="utf-8"))


def test_the_document_is_fresh() -> None:
    written = asyncapi.DOCUMENT.read_text(encoding="utf-8")

    assert written == asyncapi.text(), "stale; run python -m shared.bus asyncapi"


def test_the_command_writes_the_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "asyncapi.yaml"

    assert command.main(["asyncapi", "--output", str(path)]) == 0

    assert path.read_text(encoding="utf-8") == asyncapi.text()
    assert str(path) in capsys.readouterr().out


def test_every_event_has_a_channel_with_a_sample_and_who_sends_and_receives_it() -> None:
    found = document()

    operations = found["operations"]
    for event in REGISTRY.values():
        name = event.event_name()
        assert name in found["channels"]
        assert found["components"]["messages"][name]["examples"]
        assert {it.split(".")[0] for it in operations if it.endswith(f".sends.{name}")} == set(
            streams.emitters(event)
        )
        assert [it for it in operations if it.endswith(f".receives.{name}")]


def test_webhooks_have_a_channel_with_an_example_of_every_type() -> None:
    found = document()

    assert list(found["channels"]["webhooks"]["messages"]) == list(HappeningType)
    for kind in HappeningType:
        [shown] = found["components"]["messages"][kind]["examples"]
        assert shown["payload"]["type"] == kind


def test_every_reference_leads_somewhere() -> None:
    found = document()

    references = list(_references(found))
    assert references
    for reference in references:
        target = found
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def _references(node: Any) -> Any:  # noqa: ANN401 - a JSON document
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for it in node.values():
            yield from _references(it)
    elif isinstance(node, list):
        for it in node:
            yield from _references(it)


def test_the_samples_follow_the_published_schemas() -> None:
    found = document()

    for message in found["components"]["messages"].values():
        schema = message["payload"] | {"components": found["components"]}
        for example in message.get("examples", []):
            Draft202012Validator(schema).validate(example["payload"])
