"""What is different between two configurations is named, and secrets only by their names."""

from __future__ import annotations

from services.panel.domain.changes import ChangeKind, OptionChange, changes
from shared.contracts.deployments import ApplicationOrder

HELLO = ApplicationOrder(
    application="hello",
    version="1.0.0",
    host="hello.garden.example",
    options={"title": "One", "mail": {"sender": "a@example.org", "on": True}},
    sealed_options={"password": "sealed"},
)
NOTES = ApplicationOrder(
    application="notes", version="1.0.0", host="notes.garden.example", options={}
)


def test_the_same_has_no_changes() -> None:
    assert changes((HELLO, NOTES), (NOTES, HELLO)) == ()


def test_applications_come_and_go() -> None:
    found = changes((HELLO,), (NOTES,))

    assert [(it.application, it.kind) for it in found] == [
        ("notes", ChangeKind.ADDED),
        ("hello", ChangeKind.REMOVED),
    ]
    assert (found[0].after, found[1].before) == (NOTES, HELLO)


def test_an_option_is_named_with_both_values_and_its_group() -> None:
    after = HELLO.model_copy(
        update={"options": {"title": "Two", "mail": {"sender": "b@example.org", "on": True}}}
    )

    [found] = changes((HELLO,), (after,))

    assert found.options == (
        OptionChange(path=("title",), before="One", after="Two"),
        OptionChange(path=("mail", "sender"), before="a@example.org", after="b@example.org"),
    )
    assert (found.new_host, found.new_version) == (None, None)


def test_an_option_that_comes_or_goes_has_nothing_on_one_side() -> None:
    after = HELLO.model_copy(update={"options": {"more": ["x"]}})

    [found] = changes((HELLO,), (after,))

    assert {(it.path, str(it.before), str(it.after)) for it in found.options} == {
        (("title",), "One", "None"),
        (("mail", "sender"), "a@example.org", "None"),
        (("mail", "on"), "True", "None"),
        (("more",), "None", "['x']"),
    }


def test_a_secret_shows_neither_value() -> None:
    after = HELLO.model_copy(update={"sealed_options": {"password": "other"}})

    [found] = changes((HELLO,), (after,))

    assert found.options == (OptionChange(path=("password",), is_secret=True),)


def test_another_host_or_version_is_named() -> None:
    after = HELLO.model_copy(update={"host": "www.garden.example", "version": "2.0.0"})

    [found] = changes((HELLO,), (after,))

    assert (found.new_host, found.new_version) == ("www.garden.example", "2.0.0")
