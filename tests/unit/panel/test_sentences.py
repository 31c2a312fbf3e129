"""Sentences: English wherever they go, and sayable in another language."""

from __future__ import annotations

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from services.panel.domain.failures import AILMENTS, KNOWN, ailing, otherwise, why
from services.panel.domain.sentences import Sentence, retell, say, together
from shared import errors
from shared.contracts.happenings import AilmentData

GERMAN = {
    "Run {number} waits.": "Lauf {number} wartet.",
    "It waits for {what}.": "Er wartet auf {what}.",
    "a backup": "eine Sicherung",
    "Try again.": "Noch einmal versuchen.",
    KNOWN["machine.disk_full"]: "Die Platte ist voll.",
}


def german(message: str) -> str:
    return GERMAN.get(message, message)


def test_a_sentence_is_english_text_and_nothing_else_to_those_who_do_not_ask() -> None:
    said = say("Run {number} waits.", number=7)

    assert said == "Run 7 waits."
    assert json.dumps([said]) == '["Run 7 waits."]'
    assert f"{said}" == "Run 7 waits."


def test_a_sentence_is_said_in_another_language_with_its_values() -> None:
    assert retell(say("Run {number} waits.", number=7), german) == "Lauf 7 wartet."


def test_words_among_the_values_are_said_in_that_language_as_well() -> None:
    said = say("It waits for {what}.", what=say("a backup"))

    assert retell(said, german) == "Er wartet auf eine Sicherung."


def test_a_name_that_looks_like_a_word_is_left_alone() -> None:
    assert retell(say("It waits for {what}.", what="a backup"), german) == "Er wartet auf a backup."


def test_plain_text_is_a_sentence_without_values() -> None:
    assert retell("Try again.", german) == "Noch einmal versuchen."
    assert retell("", german) == ""
    assert retell("100 % {of} it", german) == "100 % {of} it"


def test_sentences_stand_together_and_are_said_one_by_one() -> None:
    said = together([say("Run {number} waits.", number=7), "Try again.", "{odd} %s"])

    assert said == "Run 7 waits. Try again. {odd} %s"
    assert retell(said, german) == "Lauf 7 wartet. Noch einmal versuchen. {odd} %s"


@settings(deadline=None)
@given(st.text(), st.text())
def test_values_are_never_read_as_templates(value: str, other: str) -> None:
    said = together([say("It waits for {what}.", what=value), other])

    assert said == f"It waits for {value}. {other}"
    assert retell(said, german) == f"Er wartet auf {value}. {other}"


def test_a_copy_of_a_sentence_is_one() -> None:
    said = copy.deepcopy(say("Run {number} waits.", number=7))

    assert isinstance(said, Sentence)
    assert retell(said, german) == "Lauf 7 wartet."


def test_an_error_keeps_the_sentence_that_it_was_made_with() -> None:
    message = say("Run {number} waits.", number=7)
    error = errors.ConflictError("run.waits", message, details={"run": message})

    assert str(error) == "run.waits: Run 7 waits."
    assert retell(error.message, german) == retell(error.details["run"], german) == "Lauf 7 wartet."


def test_a_failure_is_told_as_it_was_said_to_who_reads_english() -> None:
    message = "the disk of machine m1 is full; see: df -h"

    assert why("machine.disk_full", message, str) == message
    assert why("machine.disk_full", message, german) == "Die Platte ist voll."


def test_a_failure_that_nobody_translated_is_told_as_it_was_said() -> None:
    assert why("moon.full", "the moon is full", german) == "the moon is full"
    assert why("machine.unreachable", "m1 is away", german) == "m1 is away"


def test_what_is_not_well_is_told_by_its_kind_to_who_reads_no_english() -> None:
    ailment = AilmentData(application="hello", kind="disk", since="2026-11-22T01:00:00Z")
    message = "hello: 94 % of the disk is full."
    words = {"{application}: {what}.": "{application}; {what}.", AILMENTS["disk"]: "Fast voll"}

    assert otherwise(message, ailing([ailment]), str) == message
    assert otherwise(message, ailing([ailment]), lambda it: words.get(it, it)) == (
        "hello; Fast voll."
    )
    strange = ailment.model_copy(update={"kind": "moon"})
    assert otherwise(message, ailing([strange]), lambda it: words.get(it, it)) == message
