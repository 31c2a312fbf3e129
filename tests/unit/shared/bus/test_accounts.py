"""The server's configuration follows from what is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared import errors
from shared.bus import __main__ as command
from shared.bus import accounts, keys, streams

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (accounts.ADMINISTRATOR, *(it.name for it in streams.SERVICES))
KEYS = {name: f"U{name.upper()}" for name in NAMES}


def a_server(**changes: Any) -> accounts.Server:  # noqa: ANN401 - fields of the server
    return accounts.Server(
        **{"listen": "127.0.0.1:4222", "store": "/store", "keys": KEYS} | changes
    )


def configuration() -> Any:  # noqa: ANN401 - a JSON document
    return accounts.configuration(a_server())


def test_every_message_is_on_disk_before_it_is_acknowledged() -> None:
    assert configuration()["jetstream"]["sync_interval"] == "always"


def test_an_export_is_offered_to_its_importers_only() -> None:
    config = configuration()["accounts"]

    for export in config["BUS"]["exports"]:
        importers = [
            name
            for name, found in config.items()
            for it in found.get("imports", [])
            if it["service"]["subject"] == export["service"]
        ]
        assert sorted(export["accounts"]) == sorted(importers)


def test_a_service_publishes_exactly_what_it_imports_and_hears_its_own_inbox() -> None:
    for service in streams.SERVICES:
        found = configuration()["accounts"][f"SVC_{service.name}"]
        [user] = found["users"]
        imported = [it["to"] for it in found["imports"]]
        assert user["permissions"]["publish"]["allow"] == imported
        assert user["permissions"]["subscribe"]["allow"] == [f"_INBOX.{service.name}.>"]


def test_nothing_that_is_exported_ends_in_a_wildcard_for_the_rest() -> None:
    subjects = [it["service"] for it in configuration()["accounts"]["BUS"]["exports"]]

    assert not [it for it in subjects if it.endswith(">")]


@pytest.mark.parametrize("wrong", [{"panel": "UX"}, KEYS | {"stranger": "UX"}, {}])
def test_a_missing_or_unknown_key_is_named(wrong: dict[str, str]) -> None:
    with pytest.raises(errors.InvalidError) as raised:
        accounts.render(a_server(keys=wrong))

    for name in set(NAMES) ^ set(wrong):
        assert name in raised.value.message


def test_the_command_renders_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    given = [part for name, key in KEYS.items() for part in ("--key", f"{name}={key}")]

    status = command.main(["render", "--listen", "127.0.0.1:4222", "--store", "/store", *given])

    assert status == 0
    assert capsys.readouterr().out == accounts.render(a_server())


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    missing = tmp_path / "seed"

    assert command.main(["render", "--listen", "x", "--store", "y", "--key", "panel=UX"]) == 1
    assert command.main(["apply", "--url", "nats://x", "--seed-file", str(missing)]) == 1

    assert str(missing) in capsys.readouterr().err


def test_a_health_endpoint_is_there_when_asked_for() -> None:
    assert "http" not in configuration()
    assert 'http: "127.0.0.1:8222"' in accounts.render(a_server(monitor="127.0.0.1:8222"))


def test_a_key_proves_itself_and_no_two_are_the_same() -> None:
    pairs = [keys.new_seed() for _ in range(20)]

    assert all(public.startswith("U") and len(public) == 56 for public, _ in pairs)
    assert all(seed.startswith("SU") and len(seed) == 58 for _, seed in pairs)
    assert len(set(pairs)) == 20
