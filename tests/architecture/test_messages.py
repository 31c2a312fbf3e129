"""Every event has an owner that states it, somebody who listens, a sample and a published entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
import yaml

from shared.bus import asyncapi, streams
from shared.contracts import registry
from shared.contracts.messages import ANY_SERVICE
from tests.support.rules import messages
from tests.support.tree import ROOT, Tree, plant

if TYPE_CHECKING:
    from pathlib import Path

    from shared.contracts.messages import Event

EVENTS: Final = sorted(registry.REGISTRY.values(), key=lambda it: it.event_type())
SAMPLES: Final = ROOT / "docs" / "events" / "samples"
CHECKOUT: Final = Tree(ROOT)
PLANTED: Final = {
    "services/panel/__init__.py": "",
    "services/panel/service.py": (
        "class Panel:\n"
        "    def routes(self):\n"
        "        return {VMReady: self.on_vm_ready}\n"
        "    def ask(self):\n"
        "        return DeploymentRequested(deployment='')\n"
    ),
}


def every_event() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("event", EVENTS, ids=lambda it: it.event_name())


@every_event()
def test_its_owner_states_it(event: type[Event]) -> None:
    is_everyones = event.owner == ANY_SERVICE
    folder = "shared/bus" if is_everyones else f"services/{event.owner}"

    assert event.__name__ in messages.stated(CHECKOUT, folder)


@every_event()
def test_nobody_else_states_it(event: type[Event]) -> None:
    others = [f"services/{it}" for it in CHECKOUT.services if it != event.owner]

    assert event.__name__ not in messages.stated(CHECKOUT, *others)


@every_event()
def test_somebody_listens_or_it_is_for_operators(event: type[Event]) -> None:
    listening = frozenset().union(*messages.routes(CHECKOUT).values())
    heard = listening | messages.letter_routes(CHECKOUT)

    assert (event.__name__ in heard) != (event.event_name() in messages.FOR_OPERATORS)


@every_event()
def test_it_has_a_sample_and_a_published_entry(event: type[Event]) -> None:
    published = yaml.safe_load(asyncapi.DOCUMENT.read_text(encoding="utf-8"))

    assert (SAMPLES / f"{event.event_type()}.json").is_file()
    assert event.event_name() in published["channels"]


def test_the_published_document_is_fresh() -> None:
    written = asyncapi.DOCUMENT.read_text(encoding="utf-8")

    assert written == asyncapi.text(), "run: make asyncapi"


@pytest.mark.parametrize("service", CHECKOUT.services)
def test_a_service_listens_to_what_its_durable_selects(service: str) -> None:
    declared = {it.__name__ for it in streams.consumed(service)}

    # Panel decides about dead letters; the others are told by event.
    added = frozenset() if service == "panel" else messages.letter_routes(CHECKOUT)
    assert messages.routes(CHECKOUT)[service] | added == declared


def test_what_is_routed_and_stated_is_found_in_code(tmp_path: Path) -> None:
    planted = plant(tmp_path, PLANTED)

    assert messages.routes(planted) == {"panel": {"VMReady"}}
    assert messages.stated(planted, "services/panel") == {"DeploymentRequested"}
