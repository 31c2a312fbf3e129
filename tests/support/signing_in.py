"""People who sign in as people do: with a password, and perhaps an app for codes."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

import pyotp

from services.panel.web.visitors import COOKIE
from shared import ids
from tests.support import visitors

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import PanelRig
    from tests.support.visitors import SignedIn

PASSWORD = "correct mules paint bridges"  # noqa: S105 - of tests
STEP_COOKIE = "__Host-step"


@dataclass(frozen=True, kw_only=True)
class Login:
    """Somebody with a password."""

    person: SignedIn
    email: str
    panel: PanelRig

    async def sign_in(self, password: str = PASSWORD, **headers: str) -> httpx2.Response:
        """Send the form for signing in, and return the answer."""
        form = {"email": self.email, "password": password}
        async with self.panel.browser() as browser:
            return await browser.post("/sign-in", data=form, headers=headers)

    async def give_code(self, code: str) -> httpx2.Response:
        """Sign in with the password and a code, and return the last answer."""
        step = cookie_in(await self.sign_in(), STEP_COOKIE)
        async with self.panel.browser() as browser:
            headers = {"Cookie": f"{STEP_COOKIE}={step}"}
            return await browser.post("/sign-in/code", data={"code": code}, headers=headers)


async def with_password(panel: PanelRig) -> Login:
    """Make somebody who chose a password by browser."""
    person = await panel.session()
    email = f"{ids.new_id()}@garden.example"
    form = {"email": email, "password": PASSWORD, "again": PASSWORD}
    async with person.browser() as pages:
        answer = await pages.post("/account/password", data=form)
    assert answer.status_code == 303, answer.text
    return Login(person=person, email=email, panel=panel)


async def add_app(login: Login) -> tuple[str, list[str]]:
    """Add an app for codes; return its secret and the recovery codes."""
    async with login.person.browser() as pages:
        page = await pages.get("/account/app")
        [secret] = re.findall(r'name="secret" value="(\w+)"', page.text)
        form = {"secret": secret, "code": code_of(secret)}
        shown = await pages.post("/account/app", data=form)
    assert shown.status_code == 200, shown.text
    return secret, re.findall(r"<li><code>([0-9a-z-]+)</code>", shown.text)


def code_of(secret: str, *, steps: int = 0) -> str:
    """Return what an app shows now, or some steps of 30 seconds later."""
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)


def cookie_in(answer: httpx2.Response, name: str = COOKIE) -> str:
    """Return a cookie that an answer gives to the browser, as strict as it has to be."""
    [found] = [
        it
        for one in answer.headers.get_list("set-cookie")
        for it in SimpleCookie(one).values()
        if it.key == name
    ]
    assert found["secure"]
    assert found["httponly"]
    assert found["samesite"] == "lax"
    assert (found["path"], found["domain"]) == ("/", "")
    return found.value


def browser_of(panel: PanelRig, answer: httpx2.Response) -> httpx2.AsyncClient:
    """Return the browser that signed in with this answer."""
    return visitors.browser(panel.url, cookie_in(answer))
