"""People who are signed in to a panel, and browsers of people who are not.

person = await rig.session(role=Role.VIEWER, operator="Garden")
async with person.browser() as pages:
    answer = await pages.get("/deployments")
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.panel.adapters.postgres_identities import PostgresIdentityRegister
from services.panel.adapters.postgres_sessions import PostgresSessionRegister
from services.panel.domain import codes
from services.panel.domain.sessions import Client, NewSession
from services.panel.web.visitors import COOKIE
from shared import http, ids

if TYPE_CHECKING:
    import httpx2

    from services.panel.domain.identity import Role
    from shared.database import Transaction


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A person who is signed in."""

    person: str
    operator: str
    """Its name."""
    session: str
    cookie: str = field(repr=False)
    url: str = ""

    def browser(self) -> httpx2.AsyncClient:
        """Return a client that asks for pages as this person's browser does."""
        return browser(self.url, self.cookie)

    def playwright_cookie(self, url: str) -> dict[str, str | bool]:
        """Return the cookie as `context.add_cookies` takes it, for the URL of a panel."""
        return {"name": COOKIE, "value": self.cookie, "url": url, "secure": True, "httpOnly": True}


def browser(url: str, cookie: str | None = None) -> httpx2.AsyncClient:
    """Return a client that says what browsers say of their requests, and follows nothing."""
    headers = {"Sec-Fetch-Site": "same-origin", "User-Agent": "Mozilla/5.0 (X11; Linux) Test/1"}
    if cookie is not None:
        # Set by hand: over plain HTTP to a number, a client would keep a secure cookie to itself.
        headers["Cookie"] = f"{COOKIE}={cookie}"
    return http.client(base_url=url, headers=headers)


async def signed_in(tx: Transaction, operator: str, role: Role, *, provider: bool) -> SignedIn:
    """Make a person, a membership and a session that begins now."""
    register, code = PostgresIdentityRegister(), codes.new(codes.Kind.SESSION)
    owner_of = await register.add_operator(tx, operator)
    person = await register.add_owner(tx, owner_of, "Robin")
    await tx.execute("update memberships set role = $2 where person = $1", person, role.value)
    if provider:
        await register.appoint_provider(tx, person)
    new = NewSession(
        id=ids.new_id(),
        person=person,
        operator=owner_of,
        digest=codes.digest(code),
        client=Client(),
    )
    await PostgresSessionRegister().add(tx, new)
    return SignedIn(person=person, operator=operator, session=new.id, cookie=code)
