"""A question for a proof of who somebody is: where it leads to, and where it can be left for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support import pages as forms
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.signing_in import PASSWORD, with_password

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import PanelRig
    from tests.support.visitors import SignedIn

MOST_STEPS = 4


async def grown_old(panel: PanelRig, person: SignedIn) -> None:
    """Let what somebody proved be longer ago than ten minutes."""
    async with panel.database() as database, database.transaction() as tx:
        await tx.execute(
            "update sessions set confirmed_at = now() - interval '11 minutes' where id = $1",
            person.session,
        )


async def arrived(browser: httpx2.AsyncClient, place: str) -> tuple[int, str]:
    """Return where a browser arrives that follows an address, and with what."""
    for _ in range(MOST_STEPS):
        answer = await browser.get(place)
        if answer.status_code != 303:
            break
        place = answer.headers["location"]
    return answer.status_code, place


async def test_a_proof_leads_back_to_a_page_and_can_be_left_for_another(panel: PanelRig) -> None:
    login = await with_password(panel)
    async with panel.operator(named=login.person.operator) as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        backup = f"/backups/{(await runs.backed_up(panel, client, deployment['id']))['id']}"
    wanted = {"where": "in_place"}
    async with login.person.browser() as browser:
        asked = await browser.post(f"{backup}/restore/check", data=wanted)
        await grown_old(panel, login.person)
        early = await browser.get(f"{backup}/restore")
        late = await browser.post(
            f"{backup}/restore",
            data=wanted,
            headers={"Referer": f"{panel.url}{backup}/restore/check"},
        )
        question = await forms.read(browser, late.headers["location"])
        mistaken = await forms.send(
            browser, late.headers["location"], "/confirm", password=PASSWORD[1:]
        )
        proven = await forms.follow(
            browser, late.headers["location"], "/confirm", password=PASSWORD
        )
        found = await arrived(browser, proven)

    assert asked.status_code == 200
    assert early.headers["location"] == f"/confirm?next={backup}/restore"
    assert late.headers["location"] == f"/confirm?next={backup}/restore/check"
    for page in (question, mistaken.text):
        assert re.search(rf'<a href="{backup}" class="button quiet">', page)
    assert found == (200, f"{backup}/restore")


async def test_where_forms_are_answered_a_browser_that_comes_back_finds_a_page(
    panel: PanelRig,
) -> None:
    person = await panel.session(provider=True)
    async with panel.operator(named=person.operator) as client:
        operator = (await rigs.get(client, "/me"))["operator"]
    async with person.browser() as browser:
        place = await forms.follow(browser, "/deployments/new", domain=rigs.a_domain())
        draft = place.rpartition("/")[0]
        found = {
            it: await arrived(browser, it)
            for it in (
                f"{draft}/deploy",
                "/people/invitations",
                f"/people/{person.person}/role",
                f"/people/{person.person}/remove",
                f"/provider/operators/{operator}/quota",
                "/invitation/accept",
            )
        }

    assert found == {
        f"{draft}/deploy": (200, f"{draft}/applications"),
        "/people/invitations": (200, "/people/invite"),
        f"/people/{person.person}/role": (200, f"/people/{person.person}"),
        f"/people/{person.person}/remove": (200, f"/people/{person.person}"),
        f"/provider/operators/{operator}/quota": (200, f"/provider/operators/{operator}"),
        "/invitation/accept": (200, "/invitation"),
    }
