"""What stands in a form is kept: while somebody writes, in two tabs, and over a sign-in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from playwright.async_api import expect

from tests.support import pages, signing_in
from tests.support import panel as rigs
from tests.support.browsers import Look, barriers, keep, look
from tests.support.forms import submitted

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from tests.support.panel import PanelRig
    from tests.support.signing_in import Login
    from tests.support.visitors import SignedIn

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECRET: Final = "correct horse battery"  # noqa: S105 - planted, to be found nowhere
SAVED: Final = re.compile(r"^Saved")


async def begun(person: SignedIn, application: str = "hello") -> str:
    """Begin a draft with an application, and return the address of its form."""
    async with person.browser() as browser:
        place = await pages.follow(browser, "/deployments/new", domain=rigs.a_domain())
        return await pages.follow(browser, place, application=application)


async def test_a_draft_is_saved_while_somebody_writes_but_for_secrets(
    panel: PanelRig, chromium: Browser
) -> None:
    person = await panel.session()
    form = await begun(person, "notes")
    async with person.browser() as browser:
        async with look(chromium, person, panel.url) as page:
            await page.goto(form)
            said = page.locator("[data-keep-status]")
            await page.get_by_label("First note").fill("Hi there")
            await expect(said).to_have_text("Saved")
            await page.get_by_label("Password", exact=True).fill(SECRET)
            await page.get_by_label("First note").fill("Hi again")
            await expect(said).to_have_text(re.compile("but for passwords"))
            assert await barriers(page) == []
            await keep(page, "form-kept", Look())
        kept = await pages.read(browser, form)
        check = pages.text_of(
            await pages.read(browser, form.partition("/applications")[0] + "/check")
        )
    async with panel.database() as database, database.transaction() as tx:
        rows = await tx.fetch("select applications::text as found from drafts")
        noted = await tx.fetch(
            "select action from audit where object = $1 order by id", form.split("/")[2]
        )

    assert dict(submitted(kept, form))["o.text"] == "Hi again"
    assert "Its form is not complete yet." in check
    assert all(SECRET not in row["found"] for row in rows)
    assert SECRET not in panel.child.tail(10_000)
    assert [it["action"] for it in noted] == ["draft.created", "draft.saved"]


async def test_a_draft_that_was_saved_while_writing_goes_on_with_its_button(
    panel: PanelRig, chromium: Browser
) -> None:
    person = await panel.session()
    form = await begun(person)
    async with look(chromium, person, panel.url) as page:
        await page.goto(form)
        for title in ("One", "Two", "Three"):
            await page.get_by_label("Title").fill(title)
            await expect(page.locator("[data-keep-status]")).to_have_text("Saved")
        # At once: what is on its way by then does not count as somebody else's.
        await page.get_by_label("Title").fill("Four")
        await page.wait_for_timeout(800)
        await page.get_by_role("button", name="Save and continue").click()
        await page.wait_for_url("**/check")
        check = await page.locator("main").inner_text()

    assert "Four" in check


async def test_what_another_tab_saved_is_not_overwritten(
    panel: PanelRig, chromium: Browser
) -> None:
    person = await panel.session()
    form = await begun(person)
    async with look(chromium, person, panel.url, Look(refused=(409,))) as page:
        await page.goto(form)
        other = await page.context.new_page()
        await other.goto(form)
        await other.get_by_label("Title").fill("Theirs")
        await expect(other.locator("[data-keep-status]")).to_have_text("Saved")
        await page.get_by_label("Title").fill("Mine")
        said = page.locator("[data-keep-status]")
        await expect(said).to_have_text(re.compile("^Not saved: Robin changed this elsewhere"))
        await other.reload()
        kept = await other.get_by_label("Title").input_value()
        await page.get_by_role("button", name="Save and continue").click()
        heading = page.get_by_role("heading", level=1)
        await expect(heading).to_have_text("Hello was changed meanwhile")

    assert kept == "Theirs"


async def test_what_is_kept_twice_is_kept_once_and_what_was_complete_stays_so(
    panel: PanelRig,
) -> None:
    person = await panel.session()
    form = await begun(person)
    async with person.browser() as browser:
        check = await pages.follow(browser, form, o__title="One")
        opened = submitted(await pages.read(browser, form), form)
        mine = [(name, "Two" if name == "o.title" else it) for name, it in opened]
        first = await pages.post(browser, f"{form}/keep", mine)
        # As when the answer was lost on its way.
        again = await pages.post(browser, f"{form}/keep", mine)
        other = [(name, "Three" if name == "o.title" else it) for name, it in opened]
        stale = await pages.post(browser, f"{form}/keep", other)
        shown = pages.text_of(await pages.read(browser, check))

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert (stale.status_code, stale.json()) == (409, {"by": "Robin"})
    assert "Title Two" in shown
    assert "not complete yet" not in shown


async def sign_in_again(page: Page, login: Login) -> None:
    await page.wait_for_url("**/sign-in?**")
    await page.get_by_label("E-mail address").fill(login.email)
    await page.get_by_label("Password", exact=True).fill(signing_in.PASSWORD)
    await page.get_by_role("button", name="Sign in").click()


async def end_session(panel: PanelRig, person: SignedIn) -> None:
    async with panel.database() as database, database.transaction() as tx:
        await tx.execute("update sessions set ended_at = now() where id = $1", person.session)


async def test_a_session_that_ends_while_somebody_writes_costs_nothing(
    panel: PanelRig, chromium: Browser
) -> None:
    login = await signing_in.with_password(panel)
    form = await begun(login.person)
    async with look(chromium, login.person, panel.url) as page:
        await page.goto(form)
        await page.get_by_label("Title").fill("Before the end")
        await expect(page.locator("[data-keep-status]")).to_have_text("Saved")
        await end_session(panel, login.person)
        await page.get_by_label("Colour").fill("#1d4ed8")
        said = page.locator("[data-keep-status]")
        await expect(said).to_have_text(re.compile("^Not saved: you are signed out"))
        await page.get_by_role("button", name="Save and continue").click()
        await sign_in_again(page, login)
        await page.wait_for_url(f"**{form}")
        await expect(page.get_by_label("Colour")).to_have_value("#1d4ed8")
        title = await page.get_by_label("Title").input_value()
        await page.get_by_role("button", name="Save and continue").click()
        await page.wait_for_url("**/check")
        check = await page.locator("main").inner_text()

    assert title == "Before the end"
    assert "#1d4ed8" in check


async def test_a_configuration_that_was_edited_survives_a_sign_in(
    panel: PanelRig, chromium: Browser
) -> None:
    login = await signing_in.with_password(panel)
    async with panel.operator(named=login.person.operator) as client:
        deployment = await rigs.create(client)
    form = f"/deployments/{deployment['id']}/configuration/applications/hello"
    async with look(chromium, login.person, panel.url) as page:
        await page.goto(form)
        await end_session(panel, login.person)
        await page.get_by_label("Title").fill("Typed meanwhile")
        await page.get_by_role("button", name="Save").click()
        await sign_in_again(page, login)
        await page.wait_for_url(f"**{form}")
        await expect(page.get_by_label("Title")).to_have_value("Typed meanwhile")
        said = await page.locator("[data-keep-status]").inner_text()
        await page.get_by_role("button", name="Save").click()
        await page.wait_for_url("**/configuration")
        await page.goto(form)
        again = await page.locator("[data-keep-status]").inner_text()

    assert "is here again" in said
    assert again == ""
