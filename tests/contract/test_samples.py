"""Every event has a sample, and every sample of any release is still read today."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import errors, ids
from shared.bus import streams
from shared.contracts import envelope as envelopes
from shared.contracts.deployments import (
    ApplicationOrder,
    Doors,
    Endpoint,
    GrantedMachine,
    SecureShell,
)
from shared.contracts.failures import Failure
from shared.contracts.messages import REGISTRY, Event
from shared.contracts.progress import Progress

SAMPLES: Final = Path(__file__).parents[2] / "docs" / "events" / "samples"
NAMES: Final = sorted(it.stem for it in SAMPLES.glob("*.json"))

TEXT: Final = st.text(max_size=20)
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
st.register_type_strategy(
    ApplicationOrder,
    st.builds(
        ApplicationOrder,
        application=TEXT,
        version=TEXT,
        host=TEXT,
        options=st.dictionaries(TEXT, JSON, max_size=3),
        sealed_options=st.dictionaries(TEXT, TEXT, max_size=3),
    ),
)
st.register_type_strategy(
    GrantedMachine,
    st.builds(
        GrantedMachine,
        machine=TEXT,
        applications=st.lists(TEXT, max_size=3).map(tuple),
        ssh=st.from_type(SecureShell),
        http=st.from_type(Endpoint),
        guest=st.from_type(Doors),
        endpoints=st.dictionaries(TEXT, st.from_type(Endpoint), max_size=3),
    ),
)
st.register_type_strategy(
    Failure,
    st.builds(
        Failure,
        code=TEXT,
        message=TEXT,
        retryable=st.booleans(),
        details=st.dictionaries(TEXT, TEXT, max_size=3),
    ),
)
# A busy computer is slow; that is no failure of the code.
RELAXED: Final = settings(deadline=None, max_examples=40, database=None)
IDS: Final = st.integers(min_value=0, max_value=2**48 - 1).map(ids.new_id)


def sample(name: str) -> Any:  # noqa: ANN401 - a JSON document
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def an_event(kind: type[Event]) -> st.SearchStrategy[Event]:
    return st.builds(kind, deployment=IDS)


def test_every_event_has_a_sample_and_every_sample_an_event() -> None:
    assert sorted(REGISTRY) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_read_without_a_field_left_over(name: str) -> None:
    found = sample(name)

    envelope = envelopes.read(found["subject"], found["headers"])
    event = envelopes.decode(envelope, json.dumps(found["payload"]).encode())

    REGISTRY[name].model_validate(found["payload"], extra="forbid")
    assert event.event_type() == name
    assert ids.is_id(envelope.id)


@pytest.mark.parametrize("name", NAMES)
def test_writing_a_sample_again_gives_the_sample(name: str) -> None:
    found = sample(name)

    envelope = envelopes.read(found["subject"], found["headers"])
    event = envelopes.decode(envelope, json.dumps(found["payload"]).encode())

    assert json.loads(envelopes.encode(event)) == found["payload"]
    assert envelope.headers() == found["headers"]
    assert event.subject(envelope.service) == found["subject"]


@pytest.mark.parametrize("name", NAMES)
def test_a_field_that_a_later_release_added_is_ignored(name: str) -> None:
    found = sample(name)
    later = json.dumps(found["payload"] | {"added_later": {"anything": 1}}).encode()

    event = envelopes.decode(envelopes.read(found["subject"], found["headers"]), later)

    assert json.loads(envelopes.encode(event)) == found["payload"]


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_stated_by_somebody_else_is_refused(name: str) -> None:
    found, kind = sample(name), REGISTRY[name]
    emitters = streams.emitters(kind)
    others = [it.name for it in streams.SERVICES if it.name not in emitters]

    for other in others:
        subject = found["subject"].replace(f"ev.{emitters[0]}.", f"ev.{other}.")
        headers = found["headers"] | {"ce-source": f"/services/{other}"}
        envelope = envelopes.read(subject, headers)
        with pytest.raises(errors.InvalidError, match="does not state"):
            envelopes.decode(envelope, json.dumps(found["payload"]).encode())


@pytest.mark.parametrize("kind", REGISTRY.values(), ids=lambda it: it.event_name())
@RELAXED
@given(data=st.data(), run=st.none() | TEXT, time=TEXT.filter(bool), cause=st.none() | IDS)
def test_what_is_written_is_read_back_the_same(
    kind: type[Event], data: st.DataObject, run: str | None, time: str, cause: str | None
) -> None:
    event = data.draw(an_event(kind))
    for service in streams.emitters(kind):
        written = envelopes.Envelope(
            id=ids.new_id(),
            service=service,
            type=event.event_type(),
            time=time,
            deployment=event.deployment,
            run=run or None,
            cause=cause,
        )
        headers = written.headers()

        assert all(
            it.isascii() and it.isprintable() and it == it.strip() for it in headers.values()
        )
        assert envelopes.read(event.subject(service), headers) == written
        assert envelopes.decode(written, envelopes.encode(event)) == event


@RELAXED
@given(report=st.builds(Progress))
def test_progress_is_read_back_the_same(report: Progress) -> None:
    assert Progress.model_validate_json(report.model_dump_json()) == report


@RELAXED
@given(subject=st.text(), headers=st.dictionaries(st.text(), st.text()), payload=st.binary())
def test_no_message_raises_anything_but_that_it_is_invalid(
    subject: str, headers: dict[str, str], payload: bytes
) -> None:
    found = sample(NAMES[0])
    with pytest.raises(errors.InvalidError):
        envelopes.read(subject, headers)
    with pytest.raises(errors.InvalidError):
        envelopes.decode(envelopes.read(found["subject"], found["headers"]), payload)
