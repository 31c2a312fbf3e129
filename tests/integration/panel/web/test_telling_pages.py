"""Notifications and webhooks in the browser: read, chosen, made, tested, rotated and removed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from standardwebhooks.webhooks import Webhook

from services.panel.domain.identity import Role
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.pages import read
from tests.support.receiver import receiving

if TYPE_CHECKING:
    from tests.support.panel import PanelRig
    from tests.support.visitors import SignedIn

pytestmark = pytest.mark.asyncio(loop_scope="session")
HOME = "/settings/webhooks"
BELL = "/account/notifications"


async def a_failed_run(panel: PanelRig, person: SignedIn) -> str:
    async with panel.operator(named=person.operator) as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        await runs.fail(panel, client, run["id"])
    found: str = run["id"]
    return found


async def made(person: SignedIn, url: str) -> tuple[str, str]:
    """Add an endpoint by its form; return its page and its secret."""
    async with person.browser() as pages:
        form = {"url": url, "description": "Our chat", "types": ["run.failed", "run.succeeded"]}
        answer = await pages.post(f"{HOME}/new", data=form)
        assert answer.status_code == 200, answer.text
        [secret] = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", answer.text))
        listed = (await pages.get(HOME)).text
    [place] = re.findall(rf'href="({HOME}/[0-9a-z]{{26}})"', listed)
    return place, secret


async def test_the_bell_counts_until_everything_was_opened(panel: PanelRig) -> None:
    person = await panel.session()
    run = await a_failed_run(panel, person)
    async with person.browser() as pages:
        counted = (await pages.get("/deployments")).text
        listed = (await pages.get(BELL)).text
        [address] = re.findall(rf'action="({BELL}/[0-9a-z]{{26}}/read)"', listed)
        opened = await pages.post(address)
        after = (await pages.get("/deployments")).text

    assert "1 unread notification" in counted
    assert "It broke." in listed
    assert (opened.status_code, opened.headers["location"]) == (303, f"/runs/{run}")
    assert "unread notification" not in after


async def test_choices_are_kept(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as pages:
        chosen = await pages.post(f"{BELL}/choices", data={"run_succeeded.email": "on"})
        shown = (await pages.get(BELL)).text

    assert chosen.status_code == 303
    ticked = set(re.findall(r'name="([a-z_.]+)" checked', shown))
    assert ticked == {"run_succeeded.email"}


async def test_an_endpoint_is_made_tested_sent_to_again_rotated_and_removed(
    panel: PanelRig,
) -> None:
    person = await panel.session()
    async with receiving(status=418) as receiver, person.browser() as pages:
        receiver.body = b"<script>alert(1)</script>"
        place, secret = await made(person, receiver.url)
        tested = await pages.post(f"{place}/test")
        delivery = (await pages.get(tested.headers["location"])).text
        again = await pages.post(f"{tested.headers['location']}/resend")
        await receiver.until(2)
        rotated = (await pages.post(f"{place}/rotate")).text
        await pages.post(f"{place}/disable")
        off = (await pages.get(place)).text
        await pages.post(f"{place}/enable")
        removed = await pages.post(f"{place}/remove")
        gone = await pages.get(place)

    Webhook(secret).verify(receiver.received[0].body, dict(receiver.received[0].headers))
    assert "It answered 418." in delivery
    assert "<script>alert" not in delivery
    assert again.status_code == 303
    assert secret not in rotated
    assert "whsec_" in rotated
    assert "Switch it on again" in off
    assert secret not in off
    assert (removed.headers["location"], gone.status_code) == (HOME, 404)


async def test_a_page_with_a_new_secret_that_is_loaded_again_makes_no_other(
    panel: PanelRig,
) -> None:
    person = await panel.session()
    async with person.browser() as pages:
        place, _ = await made(person, "http://127.0.0.1:9999/hook")
        [key] = re.findall(
            r'name="key" value="([0-9a-z]{26})"', await read(pages, f"{place}/rotate")
        )
        first, again = [await pages.post(f"{place}/rotate", data={"key": key}) for _ in range(2)]
        shown = await read(pages, place)

    assert "whsec_" in first.text
    assert (again.status_code, again.headers["location"]) == (303, place)
    assert shown.count("Old public key") == 1


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("url", "ftp://hooks.example/", "The URL must begin with"),
        ("url", "", "The URL must begin with"),
        ("types", [], "Choose at least one"),
        ("description", "x" * 201, "200 characters at most"),
    ],
)
async def test_a_wrong_form_comes_back_with_what_was_entered(
    panel: PanelRig, field: str, value: object, told: str
) -> None:
    person = await panel.session()
    form = {"url": "http://127.0.0.1:9/<b>", "description": "Chat & <i>", "types": ["run.failed"]}
    async with person.browser() as pages:
        answer = await pages.post(f"{HOME}/new", data=form | {field: value})

    assert answer.status_code == 422
    assert told in answer.text
    assert f'href="#{field}"' in answer.text
    assert "<i>" not in answer.text


async def test_viewers_and_strangers_see_no_endpoints(panel: PanelRig) -> None:
    owner, stranger = await panel.session(), await panel.session()
    viewer = await panel.session(role=Role.VIEWER, operator=owner.operator)
    place, _ = await made(owner, "http://127.0.0.1:9999/hook")
    async with viewer.browser() as looking, stranger.browser() as strange, panel.browser() as out:
        seen = [(await looking.get(it)).status_code for it in (HOME, f"{HOME}/new", place)]
        refused = (await looking.post(f"{place}/test")).status_code
        theirs = [
            (await strange.get(f"{place}{it}")).status_code for it in ("", "/edit", "/remove")
        ]
        led = await out.get(HOME)

    assert seen == [403, 403, 403]
    assert refused == 403
    assert theirs == [404, 404, 404]
    assert led.headers["location"].startswith("/sign-in")
