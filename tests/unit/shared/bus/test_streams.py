"""What is declared about the bus holds together."""

from __future__ import annotations

import itertools

import pytest

from shared.bus import streams
from shared.contracts.messages import ANY_SERVICE, REGISTRY, Event

NAMES = {it.name for it in streams.SERVICES}


def tokens_overlap(one: str, another: str) -> bool:
    pairs = zip(one.split("."), another.split("."), strict=True)
    return all(left == right or "*" in (left, right) for left, right in pairs)


@pytest.mark.parametrize("consumer", streams.consumers(), ids=lambda it: f"{it.stream}.{it.name}")
def test_the_filters_of_one_consumer_never_overlap(consumer: streams.Consumer) -> None:
    for one, another in itertools.combinations(consumer.filter_subjects, 2):
        assert not tokens_overlap(one, another)


@pytest.mark.parametrize("consumer", streams.consumers(), ids=lambda it: f"{it.stream}.{it.name}")
def test_every_filter_selects_from_its_stream(consumer: streams.Consumer) -> None:
    [stream] = [it for it in streams.STREAMS if it.name == consumer.stream]

    for wanted in consumer.filter_subjects:
        assert any(tokens_overlap(wanted, it) for it in stream.subjects)


@pytest.mark.parametrize("service", streams.SERVICES, ids=lambda it: it.name)
def test_a_filter_names_another_service_as_the_owner(service: streams.Service) -> None:
    owners = {it.split(".")[1] for it in streams.filters(service)}

    assert owners <= NAMES - {service.name}


@pytest.mark.parametrize("event", REGISTRY.values(), ids=lambda it: it.event_name())
def test_every_event_is_stated_and_consumed_by_a_service(event: type[Event]) -> None:
    assert event.owner in {*NAMES, ANY_SERVICE}
    assert any(event in streams.consumed(name) for name in NAMES)


def test_panel_follows_every_fact_of_the_others() -> None:
    others = {it for it in REGISTRY.values() if it.owner != "panel"}

    assert streams.consumed("panel") == others


def test_every_service_but_panel_hears_what_to_do_with_dead_letters() -> None:
    for name in NAMES - {"panel"}:
        assert set(streams.DECISIONS) <= streams.consumed(name)


def test_no_consumer_gives_a_message_up_silently() -> None:
    assert {it.max_deliver for it in streams.consumers()} == {-1}
    assert {it.ack_policy for it in streams.consumers()} == {"explicit"}


def test_facts_are_refused_rather_than_dropped_when_there_is_no_room() -> None:
    [events] = [it for it in streams.STREAMS if it.name == streams.EVENTS]

    assert (events.discard, events.storage) == ("new", "file")
