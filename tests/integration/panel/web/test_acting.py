"""What a person does on the pages, as a browser without scripts sends it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.panel.domain.identity import Role
from shared import ids
from tests.support import panel as rigs
from tests.support import panel_runs as runs

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig
    from tests.support.visitors import SignedIn

PASSWORD = "correct horse battery staple"  # noqa: S105 - of a test


def key_in(page: str) -> str:
    """Return the key that the form of a page carries."""
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found, page
    return found[1]


async def live(panel: PanelRig, person: SignedIn, url: str) -> Json:
    """Return a deployment of somebody's operator that runs, with a password to reveal."""
    async with panel.operator(named=person.operator) as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        begun = await rigs.until_state(client, run["id"], "running")
        credential = panel.first_credential(PASSWORD)
        for service, event in rigs.answers_of_a_deploy(begun, url, credential):
            await panel.say(service, event)
        await rigs.until_state(client, run["id"], "succeeded")
    return deployment


async def send(pages: httpx2.AsyncClient, address: str, **fields: str) -> httpx2.Response:
    return await pages.post(address, data=fields)


async def test_whoever_is_signed_out_signs_in_first(panel: PanelRig) -> None:
    async with panel.browser() as pages:
        answer = await pages.get("/backups?before=x")

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/sign-in?next=/backups%3Fbefore%3Dx"


async def test_a_live_page_of_somebody_signed_out_is_told_to_load_itself_again(
    panel: PanelRig,
) -> None:
    async with panel.browser() as pages:
        asked = {"Accept": "text/html, text/event-stream", "HX-Request": "true"}
        answer = await pages.get(f"/runs/{ids.new_id()}/live", headers=asked)

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.text.startswith("event: away")


async def test_the_first_page_explains_how_to_begin(panel: PanelRig) -> None:
    person = await panel.session()
    async with person.browser() as pages:
        home = await pages.get("/")
        answer = await pages.get(home.headers["Location"])

    assert "in three steps" in answer.text
    assert 'href="/deployments/new"' in answer.text


async def test_a_form_sent_twice_is_one_run(panel: PanelRig) -> None:
    person = await panel.session()
    async with rigs.an_application() as url, person.browser() as pages:
        deployment = await live(panel, person, url)
        home = f"/deployments/{deployment['id']}"
        key = key_in((await pages.get(home)).text)

        first = await send(pages, f"{home}/backups", key=key)
        second = await send(pages, f"{home}/backups", key=key)
        other = await send(pages, f"{home}/restart", key=key)

    assert first.status_code == second.status_code == 303
    assert first.headers["Location"] == second.headers["Location"]
    assert other.headers["Location"] != first.headers["Location"]


async def test_a_first_password_is_shown_once_and_nowhere_else(panel: PanelRig) -> None:
    person = await panel.session()
    async with rigs.an_application() as url, person.browser() as pages:
        deployment = await live(panel, person, url)
        home = f"/deployments/{deployment['id']}"
        before = await pages.get(home)
        asked = await pages.get(f"{home}/credentials/hello")
        shown = await send(pages, f"{home}/credentials/hello", key=key_in(asked.text))
        again = await send(pages, f"{home}/credentials/hello")
        after = await pages.get(home)

    assert PASSWORD in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert again.status_code == 409
    assert "Password was shown" in after.text
    assert not any(PASSWORD in it.text for it in (before, asked, again, after))


async def test_a_removal_wants_the_domain_typed_and_ends_in_a_receipt(panel: PanelRig) -> None:
    person = await panel.session()
    async with rigs.an_application() as url, person.browser() as pages:
        deployment = await live(panel, person, url)
        home = f"/deployments/{deployment['id']}"
        asked = await pages.get(f"{home}/remove")
        wrong = await send(pages, f"{home}/remove", domain="other.<b>example")
        right = await send(
            pages, f"{home}/remove", domain=deployment["domain"].upper(), key=key_in(asked.text)
        )
        async with panel.operator(named=person.operator) as client:
            await runs.succeed(panel, client, right.headers["Location"].rpartition("/")[2])
        receipt = await pages.get(home)

    assert wrong.status_code == 422
    assert 'value="other.&lt;b&gt;example"' in wrong.text
    assert 'href="#domain"' in wrong.text
    assert right.status_code == 303
    assert "fdv-x-1" in receipt.text
    assert "kept until December 24, 2026" in receipt.text


async def test_a_backup_is_made_and_restored_with_a_warning_of_what_is_replaced(
    panel: PanelRig,
) -> None:
    person = await panel.session()
    async with rigs.an_application() as url, person.browser() as pages:
        deployment = await live(panel, person, url)
        async with panel.operator(named=person.operator) as client:
            kept = await runs.backed_up(panel, client, deployment["id"])
        backup = f"/backups/{kept['id']}"
        wrong = await send(pages, f"{backup}/restore/check", where="as_new", domain="not a name")
        new = await send(pages, f"{backup}/restore/check", where="as_new", domain=rigs.a_domain())
        checked = await send(pages, f"{backup}/restore/check", where="in_place", keep="on")
        begun = await send(
            pages, f"{backup}/restore", where="in_place", keep="on", key=key_in(checked.text)
        )
        first = await pages.get(begun.headers["Location"])

    assert wrong.status_code == 422
    assert 'value="not a name"' in wrong.text
    assert "What to know before" in new.text
    assert "is replaced" in checked.text
    assert "A backup of what is there now is made first" in checked.text
    assert begun.status_code == 303
    assert f"Backing up {deployment['domain']}" in first.text


async def test_what_belongs_to_others_is_not_there(panel: PanelRig) -> None:
    person, stranger = await panel.session(), await panel.session()
    async with panel.operator(named=person.operator) as client:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
    async with stranger.browser() as pages:
        for address in (
            f"/deployments/{deployment['id']}",
            f"/deployments/{deployment['id']}/runs",
            f"/deployments/{deployment['id']}/backups",
            f"/deployments/{deployment['id']}/remove",
            f"/runs/{run['id']}",
            f"/runs/{run['id']}/live",
        ):
            found, nowhere = await pages.get(address), await pages.get("/deployments/nowhere")

            assert found.status_code == nowhere.status_code == 404, address
        listed = await pages.get("/runs")
        cancelled = await send(pages, f"/runs/{run['id']}/cancel")

    assert deployment["domain"] not in listed.text
    assert cancelled.status_code == 404


async def test_whoever_may_only_look_is_offered_nothing_and_refused(panel: PanelRig) -> None:
    name = f"Operator {rigs.a_domain()}"
    owner = await panel.session(operator=name)
    viewer = await panel.session(operator=name, role=Role.VIEWER)
    async with rigs.an_application() as url, viewer.browser() as pages:
        deployment = await live(panel, owner, url)
        home = f"/deployments/{deployment['id']}"
        page = await pages.get(home)
        refused = [await send(pages, f"{home}/{it}") for it in ("restart", "backups", "remove")]

    assert page.status_code == 200
    assert "<form" not in page.text.partition("<main")[2].partition("</main>")[0]
    assert {it.status_code for it in refused} == {403}
    assert "You may not do that" in refused[0].text
