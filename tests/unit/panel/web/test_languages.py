"""Which language a request is answered in."""

from __future__ import annotations

import pytest

from services.panel.web import languages


@pytest.mark.parametrize(
    ("wishes", "chosen"),
    [
        ("", "en"),
        ("nl", "nl"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.5, nl;q=0.7", "nl"),
        ("xx, fr;q=0.2", "fr"),
        ("de, nl", "de"),
        (";;;,=,q=1", "en"),
        ("nl;q=rubbish, de;q=0.1", "de"),
    ],
)
def test_the_language_that_is_liked_best_is_chosen(wishes: str, chosen: str) -> None:
    assert languages.choose(wishes, ("en", "de", "fr", "nl")) == chosen


def test_english_is_always_offered() -> None:
    assert languages.offered()[0] == "en"


def test_a_sentence_without_a_catalogue_is_itself() -> None:
    assert languages.gettext("Deploy") == "Deploy"
    assert languages.ngettext("one run", "%d runs", 2) == "%d runs"


def test_a_language_says_where_its_lines_begin() -> None:
    assert languages.Tongue("ar").direction == "rtl"
    assert languages.Tongue("nl").direction == "ltr"
