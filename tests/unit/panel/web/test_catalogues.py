"""The catalogues of translations are complete, and about the sentences that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from babel.messages.pofile import read_po

from scripts import messages
from services.panel.web import languages
from tests.support.catalogues import ids, mistakes

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

RUN = "run: make messages"


@pytest.fixture(scope="module")
def collected() -> Catalog:
    return messages.collect()


def test_the_template_holds_the_sentences_of_the_sources(collected: Catalog) -> None:
    with messages.TEMPLATE.open("rb") as file:
        kept = ids(read_po(file))

    assert kept == ids(collected), RUN


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_a_catalogue_holds_the_sentences_of_the_sources(language: str, collected: Catalog) -> None:
    assert ids(messages.read(language)) == ids(collected), RUN


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_a_catalogue_says_everything_and_fits_the_values_in_it(language: str) -> None:
    assert mistakes(messages.read(language)) == []


def test_collecting_again_changes_nothing(collected: Catalog) -> None:
    once = messages.brought_up_to_date("de", collected)

    assert messages.written(once) == messages.path_of("de").read_text(encoding="utf-8"), RUN


def test_every_language_is_offered() -> None:
    assert languages.offered() == ("en", *messages.LANGUAGES)


def test_a_sentence_that_nobody_translated_is_noticed(collected: Catalog) -> None:
    collected.add("The moon is full.", locations=[("web/moon.py", 1)])
    try:
        catalogue = messages.brought_up_to_date("nl", collected)
    finally:
        collected.delete("The moon is full.")

    assert mistakes(catalogue) == ["'The moon is full.': is not translated"]
    assert ids(messages.read("nl")) != ids(catalogue)


@pytest.mark.parametrize(
    ("english", "said", "reason"),
    [
        ("Hello {name}.", "Hallo {naam}.", "other places"),
        ("Hello {name}.", "Hallo.", "other places"),
        ("Hello %(name)s.", "Hallo %(naam)s.", "other places"),
        ("Hello.", "<b>Hallo</b>.", "other mark-up"),
        ("<b>Hello</b>.", "Hallo.", "other mark-up"),
        ("Hello ", "Hallo", "other spaces"),
        (("{n} run", "{n} runs"), ("{n} loop",), "has 1 forms"),
        (("{n} run", "{n} runs"), ("{n} loop", "loops"), "other places"),
    ],
)
def test_a_translation_that_does_not_fit_is_noticed(
    english: str | tuple[str, str], said: str | tuple[str, ...], reason: str
) -> None:
    catalogue = messages.read("nl")
    for it in [it.id for it in catalogue if it.id]:
        catalogue.delete(it)
    catalogue.add(english, said)

    assert any(reason in it for it in mistakes(catalogue))
