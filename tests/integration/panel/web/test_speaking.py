"""Pages in the languages that there are: nothing of the story stays English."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
import pytest_asyncio
from playwright.async_api import expect

from scripts.messages import LANGUAGES
from tests.support import pages
from tests.support.browsers import PHONE, Look, barriers, keep, look, overflow
from tests.support.panel import a_domain, an_application
from tests.support.scenes import set_scene
from tests.support.tongues import english_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2
    from playwright.async_api import Browser

    from tests.support.panel import PanelRig
    from tests.support.scenes import Scene

MOMENT: Final = re.compile(r"\d\d:\d\d")
pytestmark = pytest.mark.asyncio(loop_scope="session")
SIGN_IN: Final = {"de": "Anmelden", "fr": "Se connecter", "nl": "Inloggen"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(panel: PanelRig) -> AsyncIterator[Scene]:
    """Yield an operator who has a deployment in every state."""
    async with an_application() as url:
        yield await set_scene(panel, url)


def story(scene: Scene) -> dict[str, str]:
    """Return the pages of the operator's path, by what they show."""
    live = f"/deployments/{scene.deployments['live']['id']}"
    backup = f"/backups/{scene.backup['id']}"
    return {
        "deployments": "/deployments",
        "applications": "/applications",
        "application": "/applications/hello",
        "new": "/deployments/new",
        **{
            f"deployment-{name}": f"/deployments/{it['id']}"
            for name, it in scene.deployments.items()
        },
        "configuration": f"{live}/configuration",
        "form": f"{live}/configuration/applications/hello",
        "remove": f"{live}/remove",
        **{f"run-{name}": f"/runs/{it['id']}" for name, it in scene.runs.items()},
        "runs": "/runs",
        "backups": "/backups",
        "backup": backup,
        "restore": f"{backup}/restore",
        "domains": "/domains",
        "activity": "/activity",
        "people": "/people",
        "profile": "/account/profile",
        "security": "/account/security",
        "tokens": "/account/tokens",
        "notifications": "/account/notifications",
        "webhooks": "/settings/webhooks",
        "nothing": "/nothing",
    }


async def drafted(browser: httpx2.AsyncClient) -> list[str]:
    """Describe a new deployment, and return the address of each page of it."""
    place = await pages.follow(browser, "/deployments/new", domain=a_domain())
    form = await pages.follow(browser, place, application=["hello"])
    check = await pages.follow(browser, form)
    return [place.replace("/applications", "/domain"), place, form, check]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_page_of_the_story_is_left_in_english(
    panel: PanelRig, scene: Scene, language: str
) -> None:
    left: dict[str, list[str]] = {}
    async with scene.person.browser() as browser:
        browser.headers["Accept-Language"] = language
        for address in (*story(scene).values(), *await drafted(browser)):
            page = (await browser.get(address)).text
            assert f'<html lang="{language}"' in page, address
            if found := english_in(page, language):
                left[address] = found
    async with panel.browser() as visitor:
        visitor.headers["Accept-Language"] = language
        for address in ("/sign-in", "/sign-in/once", "/invitation"):
            if found := english_in((await visitor.get(address)).text, language):
                left[address] = found

    assert not left


async def test_english_that_is_left_is_noticed() -> None:
    page = "<main><h1>Bereitstellungen</h1><p>There is nothing here</p><b>Backups</b></main>"

    assert english_in(page, "de") == ["Backups", "There is nothing here"]
    assert english_in(page, "fr") == ["Backups", "There is nothing here"]


async def test_a_refusal_speaks_the_language_of_the_page(scene: Scene) -> None:
    async with scene.person.browser() as browser:
        browser.headers["Accept-Language"] = "de"
        answer = await pages.send(browser, "/deployments/new", domain="https://garden.example/x")

    assert answer.status_code == 422
    assert "https://garden.example/x ist eine URL." in pages.text_of(answer.text)
    assert english_in(answer.text, "de") == []


@pytest.mark.parametrize("label", ["notes", "notes.deeper", "-"])
async def test_a_mistake_in_the_address_of_a_new_application_does_so_too(
    scene: Scene, label: str
) -> None:
    domain = a_domain()
    async with scene.person.browser() as browser:
        browser.headers["Accept-Language"] = "nl"
        place = await pages.follow(browser, "/deployments/new", domain=domain)
        form = await pages.follow(browser, place, application=["hello", "notes"])
        answer = await pages.send(browser, form, host=f"{label}.{domain}")

    assert answer.status_code == 422
    assert english_in(answer.text, "nl") == []


async def test_what_somebody_chose_in_the_profile_counts_most_and_while_watching_too(
    panel: PanelRig, scene: Scene
) -> None:
    person = await panel.session(operator=scene.person.operator)
    run = f"/runs/{scene.runs['succeeded']['id']}"
    async with person.browser() as browser:
        browser.headers["Accept-Language"] = "de"
        before = await pages.read(browser, run)
        wanted = {"language": "nl", "time_zone": "Asia/Kolkata"}
        await pages.follow(browser, "/account/profile", **wanted)
        page = await pages.read(browser, run)
        stream = (await browser.get(f"{run}/live")).text

    assert '<html lang="de"' in before
    assert '<html lang="nl"' in page
    assert "Taak " in stream
    assert [english_in(it, "nl") for it in (page, stream)] == [[], []]
    assert MOMENT.findall(before) != MOMENT.findall(page), "by the clock of the person"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_visitor_chooses_a_language_and_is_led_back(panel: PanelRig, language: str) -> None:
    async with panel.browser() as visitor:
        form = {"language": language, "page": "/sign-in", "next": "/domains"}
        answer = await visitor.post("/language", data=form)
        cookie = answer.headers["set-cookie"]
        page = await visitor.get("/sign-in", headers={"Cookie": cookie.partition(";")[0]})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/domains"
    assert {"Secure", "HttpOnly"} <= set(cookie.split("; "))
    assert f"<h1>{SIGN_IN[language]}</h1>" in page.text


@pytest.mark.parametrize("language", ["de", "fr"])
async def test_long_words_fit_on_a_phone(
    panel: PanelRig, chromium: Browser, scene: Scene, language: str
) -> None:
    how, wide = Look(width=PHONE), {}
    async with scene.person.browser() as browser:
        draft = await drafted(browser)
    of_draft = {f"draft-{number}": it for number, it in enumerate(draft, start=1)}
    async with look(chromium, scene.person, panel.url, how) as page:
        await page.set_extra_http_headers({"Accept-Language": language})
        for name, address in {**story(scene), **of_draft}.items():
            await page.goto(address)
            await keep(page, f"{language}-{name}", how)
            if pixels := await overflow(page):
                wide[name] = pixels

    assert not wide


@pytest.mark.parametrize("how", [Look(width=PHONE, is_dark=True), Look()], ids=lambda it: it.name)
async def test_the_languages_stand_on_the_sign_in_page_and_one_click_chooses(
    panel: PanelRig, chromium: Browser, how: Look
) -> None:
    async with look(chromium, None, panel.url, how) as page:
        await page.goto("/sign-in?next=/domains")
        found = await barriers(page)
        await page.get_by_role("button", name="Deutsch").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Anmelden")
        address, wide = page.url, await overflow(page)
        await keep(page, "de-sign-in", how)

    assert found == []
    assert address.endswith("/sign-in?next=/domains")
    assert wide == 0
