"""Signing in by browser: by a link that works once, with a password, with a second factor."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from services.panel.domain import codes
from services.panel.domain.codes import Kind
from services.panel.web.visitors import COOKIE
from shared import ids
from tests.support import visitors
from tests.support.signing_in import cookie_in

if TYPE_CHECKING:
    from tests.support.panel import PanelRig

ONCE = "/sign-in/once"


async def made(panel: PanelRig, *words: str) -> str:
    """Return what a command of the panel prints."""
    command = panel.command(*words)
    process = await asyncio.create_subprocess_exec(
        *command.argv,
        cwd=command.directory,
        env=dict(command.environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 0, stderr.decode()
    return stdout.decode()


async def test_a_printed_link_signs_in_once_and_a_second_one_again(panel: PanelRig) -> None:
    operator = f"Garden {ids.new_id()}"
    printed = await made(panel, "create-admin", "--operator", operator)
    again = await made(panel, "sign-in-link", "--operator", operator)
    [code] = re.findall(r"#(\S+)", printed)
    async with panel.browser() as browser:
        page = await browser.get(ONCE)
        first = await browser.post(ONCE, data={"code": code})
        second = await browser.post(ONCE, data={"code": code})
        third = await browser.post(ONCE, data={"code": again.strip()})
    async with visitors.browser(panel.url, cookie_in(first)) as pages:
        home = await pages.get("/confirm")

    assert page.status_code == 200
    assert (first.status_code, first.headers["location"]) == (303, "/deployments")
    assert second.status_code == 422
    assert "works once" in second.text
    assert third.status_code == 303
    assert cookie_in(third) != cookie_in(first)
    assert home.status_code == 200
    assert operator in home.text


async def test_a_link_used_by_many_at_once_lets_one_in(panel: PanelRig) -> None:
    operator = f"Garden {ids.new_id()}"
    await made(panel, "create-admin", "--operator", operator)
    code = await made(panel, "sign-in-link", "--operator", operator)
    async with panel.browser() as browser:
        answers = await asyncio.gather(*(browser.post(ONCE, data={"code": code}) for _ in range(8)))

    assert sorted(it.status_code for it in answers) == [303, *[422] * 7]


async def test_no_link_is_made_for_an_operator_that_is_not_there(panel: PanelRig) -> None:
    command = panel.command("sign-in-link", "--operator", "Nobody")
    process = await asyncio.create_subprocess_exec(
        *command.argv,
        cwd=command.directory,
        env=dict(command.environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await asyncio.wait_for(process.communicate(), 40)

    assert process.returncode == 1
    assert stdout == b""
    assert b"create-admin makes both" in stderr


async def test_a_late_link_opens_nothing(panel: PanelRig) -> None:
    operator = f"Garden {ids.new_id()}"
    await made(panel, "create-admin", "--operator", operator)
    link = await made(panel, "sign-in-link", "--operator", operator, "--minutes", "1")
    code = codes.read(link, Kind.SIGN_IN)
    assert code is not None
    async with panel.database() as database, database.transaction() as tx:
        await tx.execute(
            "update sign_in_codes set expires_at = now() where digest = $1", codes.digest(code)
        )
    async with panel.browser() as browser:
        answer = await browser.post(ONCE, data={"code": code})

    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://panel.demo.localhost"}, 303),
        ({"Origin": "http://blog.garden.localhost"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://panel.demo.localhost"}, 403),
        ({}, 403),
    ],
)
async def test_only_pages_of_the_panel_change_something(
    panel: PanelRig, headers: dict[str, str], status: int
) -> None:
    person = await panel.session()
    async with person.browser() as pages:
        del pages.headers["Sec-Fetch-Site"]
        told = {"Host": "panel.demo.localhost", **headers}
        answer = await pages.post("/sign-out", headers=told)
        afterwards = await pages.get("/confirm")

    assert answer.status_code == status
    assert afterwards.status_code == (303 if status == 303 else 200)


async def test_signed_out_is_signed_out_whatever_the_browser_keeps(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as pages:
        before = await pages.get("/confirm?next=/deployments")
        left = await pages.post("/sign-out")
        after = await pages.get("/confirm?next=/backups")

    assert before.status_code == 200
    assert left.headers["location"] == "/sign-in?because=out"
    assert f'{COOKIE}=""' in left.headers["set-cookie"]
    assert (after.status_code, after.headers["location"]) == (
        303,
        "/sign-in?next=/deployments",
    )


@pytest.mark.parametrize(
    ("change", "because", "said"),
    [
        ("seen_at = now() - interval '61 minutes'", "&because=idle", "nothing happened"),
        ("created_at = now() - interval '13 hours'", "&because=long", "12 hours have passed"),
        ("ended_at = now()", "", "Sign in"),
    ],
)
async def test_a_session_that_is_over_asks_to_sign_in(
    panel: PanelRig, change: str, because: str, said: str
) -> None:
    person = await panel.session()
    async with panel.database() as database, database.transaction() as tx:
        done = f"update sessions set {change} where id = $1"  # noqa: S608 - of this file
        await tx.execute(done, person.session)
    async with person.browser() as pages:
        answer = await pages.get("/confirm")
        told = await pages.get(answer.headers["location"])

    assert said in told.text
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?next=/deployments{because}"
