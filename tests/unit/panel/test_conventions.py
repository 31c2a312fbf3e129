"""Conventions of the REST API that need no database: limits, tags, cursors, media types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.datastructures import Headers

from services.panel.api import conditions, cursors, media
from services.panel.api.limits import Gate
from services.panel.api.rates import KNOWN, Meter, Rates
from services.panel.domain.refusals import StaleError, UnconditionalError, require_expected
from shared import errors, ids

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

RATES = Rates(tokens=3, addresses=2)


def test_a_cursor_leads_back_to_its_item_and_does_not_show_it() -> None:
    item = ids.new_id()

    cursor = cursors.encode(item)

    assert cursors.decode(cursor) == item
    assert item not in cursor
    assert not cursor.isdecimal()


@pytest.mark.parametrize("text", ["", "c", "cAAAA", "c!!", "cé", "x" * 40, "c" + "A" * 35])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(errors.InvalidError, match="no place in a list"):
        cursors.decode(text)


@pytest.mark.parametrize(
    ("accept", "is_accepted"),
    [
        ("", True),
        ("*/*", True),
        ("application/*", True),
        ("text/html, application/json;q=0.1", True),
        ("text/html", False),
        ("application/json;q=0, */*", False),
        ("text/*;q=0.5", False),
        ("application/json;q=nonsense", True),
    ],
)
def test_a_client_is_believed_about_what_it_reads(accept: str, *, is_accepted: bool) -> None:
    assert media.is_accepted(accept, "application/json") is is_accepted


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("*", None),
        ('"3"', {3}),
        ('"3.0123abcdef"', {3}),
        ('"3", "4.ab"', {3, 4}),
        ('W/"3"', set()),
        ("3", set()),
        ("", set()),
    ],
)
def test_if_match_says_which_versions_may_be_replaced(
    header: str, expected: set[int] | None
) -> None:
    assert conditions.get_expected(header) == expected


def test_a_request_that_does_not_say_what_it_replaces_is_refused() -> None:
    with pytest.raises(UnconditionalError):
        conditions.get_expected(None)


def test_a_stale_edit_is_told_the_version_that_there_is() -> None:
    require_expected(3, None)
    require_expected(3, {2, 3})
    with pytest.raises(StaleError) as caught:
        require_expected(3, {2})

    assert caught.value.current == 3


def test_a_tag_begins_with_the_version_and_changes_with_the_answer() -> None:
    one, other = conditions.tag(b"one", '"3"'), conditions.tag(b"other", '"3"')

    assert one != other
    assert conditions.get_expected(one) == conditions.get_expected(other) == {3}
    assert conditions.is_known(one, f"{other}, W/{one}")
    assert not conditions.is_known(one, other)


class Door:
    """An application behind a meter: it knows the tokens that begin with `good`.

    It answers without asking for a token where that begins with `odd`.
    """

    def __init__(self) -> None:
        self.meter = Meter(self, RATES, lambda: self.now)
        self.now = 0.0

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        [(_, token)] = scope["headers"]
        status = 200 if token.startswith(b"good") else 401
        if token.startswith(b"good"):
            scope["state"][KNOWN] = True
        if token.startswith(b"odd"):
            status = 404
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def ask(self, token: bytes, address: str = "192.0.2.1") -> tuple[int, dict[str, str]]:
        answers: list[Any] = []

        async def send(message: Message) -> None:
            answers.append(message)

        async def receive() -> Message:
            return {"type": "http.request"}

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "client": (address, 1),
            "headers": [(b"authorization", token)],
        }
        await self.meter(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in answers[0]["headers"]}
        return answers[0]["status"], headers


async def test_a_good_token_has_a_bucket_of_its_own_wherever_it_comes_from() -> None:
    door = Door()

    seen = [(await door.ask(b"good", f"192.0.2.{number}"))[0] for number in range(5)]
    _, headers = await door.ask(b"good")

    assert seen == [200, 200, 200, 200, 429]  # the first one counted for its address
    assert headers["ratelimit-policy"] == '"api";q=3;w=60'
    assert headers["ratelimit"] == '"api";r=0;t=60'
    assert headers["retry-after"] == "20"
    door.now = 20.0
    assert (await door.ask(b"good"))[0] == 200


async def test_wrong_tokens_cannot_be_tried_for_ever_from_one_address() -> None:
    door = Door()
    await door.ask(b"good", "192.0.2.9")

    seen = [(await door.ask(b"wrong%d" % number))[0] for number in range(3)]

    assert seen == [401, 401, 429]
    assert (await door.ask(b"good"))[0] == 200
    assert (await door.ask(b"wrong", "192.0.2.2"))[0] == 401


async def test_a_token_that_nobody_looked_at_buys_no_bucket() -> None:
    door = Door()

    seen = [(await door.ask(b"odd%d" % number))[0] for number in range(3)]
    again = await door.ask(b"odd0")

    assert seen == [404, 404, 429]
    assert again[0] == 429
    assert again[1]["ratelimit-policy"] == '"unknown";q=2;w=60'


async def test_no_answer_is_taken_for_something_else_by_a_browser() -> None:
    answers: list[Message] = []

    async def answer(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Message) -> None:
        answers.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    gate = Gate(answer)
    for method in ("GET", "POST"):  # which is refused for its media type
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"1")]
        scope = {"type": "http", "method": method, "path": "/", "headers": headers}
        await gate(scope, receive, send)

    starts = [Headers(raw=it["headers"]) for it in answers if it["type"] == "http.response.start"]
    assert len(starts) == 2
    for it in starts:
        assert it["x-content-type-options"] == "nosniff"
        assert it["strict-transport-security"] == "max-age=31536000"
