"""What came of deliveries is kept in English, and known again for readers of other languages."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from services.panel.domain.kept_sentences import (
    BAD_CERTIFICATE,
    NOT_SENT,
    TEMPLATES,
    TOO_SLOW,
    recalled,
)
from services.panel.domain.sentences import N_, Sentence, retell, say
from services.panel.domain.webhooks import PATIENCE, Answer, reason_to_disable
from services.panel.web.languages import translator
from tests.support.endpoints import AT, an_endpoint

SWITCHED_OFF = N_("A person switched it off.")
DUTCH = translator("nl")


def kept(text: str) -> str:
    """Return a text as it comes back from where it was kept."""
    found: str = json.loads(json.dumps(text))
    assert not isinstance(found, Sentence)
    return found


@pytest.mark.parametrize(
    ("answer", "dutch"),
    [
        (Answer(status=500), "Het antwoord was 500."),
        (Answer(status=302), "en dat leidt ergens anders heen"),
        (Answer(reason=say(TOO_SLOW, seconds="15")), "Er kwam binnen 15 s geen antwoord."),
        (Answer(reason=N_("There is no such host.")), "bestaat niet"),
        (Answer(reason=say(BAD_CERTIFICATE, reason="self-signed")), "deugt niet (self-signed)."),
    ],
)
def test_why_an_endpoint_was_switched_off_is_said_in_the_language_of_the_reader(
    answer: Answer, dutch: str
) -> None:
    reason = reason_to_disable(an_endpoint(failing_since=AT), answer, AT + PATIENCE)
    assert reason is not None
    off = say(NOT_SENT, why=reason)

    assert retell(recalled(kept(reason)), DUTCH).startswith("Er kon 5 dagen lang niets")
    assert dutch in retell(recalled(kept(reason)), DUTCH)
    assert dutch in retell(replace(answer, status=None, reason=kept(off)).in_words, DUTCH)


def test_a_sentence_without_values_is_known_where_it_stands_in_another() -> None:
    found = retell(recalled(kept(say(NOT_SENT, why=say(SWITCHED_OFF)))), DUTCH)

    assert found.endswith(DUTCH(SWITCHED_OFF))
    assert DUTCH(SWITCHED_OFF) != SWITCHED_OFF


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_is_known_again_is_the_same_text(template: str) -> None:
    text = recalled(template)

    assert text == template
    assert isinstance(text, Sentence)


@pytest.mark.parametrize("text", ["", "It answered", "{status} %(odd)s", "TLS"])
def test_what_nobody_knows_stays_text(text: str) -> None:
    assert recalled(text) == text
    assert not isinstance(recalled(text), Sentence)
