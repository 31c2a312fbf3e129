"""Views of signing in, of one's own account, of people and of what was done; and of failures."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pyotp

from services.panel.domain import throttling
from services.panel.domain.identity import Role
from shared import ids
from tests.support.signing_in import PASSWORD, add_app, with_password
from tests.support.views.view import NEWCOMER, NOBODY, OWNER, VIEWER, Stage, View

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.panel import PanelRig

SECURED: Final = "secured"
"""Somebody with a password."""
GUARDED: Final = "guarded"
"""Somebody with a password and an app."""
THROTTLED: Final = "throttled@garden.example"
AGAIN: Final = {"email": "{email}", "password": PASSWORD}
SECRET: Final = pyotp.random_base32()
SHORT: Final = {"email": "robin", "password": "short", "again": "other"}
CODE: Final = {"code": "{code}"}
LARGE: Final = 600_000
VIEWS: Final = (
    View("sign-in", "/sign-in", who=NOBODY),
    View("sign-in-out", "/sign-in?because=out", who=NOBODY),
    View("sign-in-idle", "/sign-in?because=idle&next=/backups", who=NOBODY),
    View("sign-in-long", "/sign-in?because=long", who=NOBODY),
    View("sign-in-late", "/sign-in?because=step", who=NOBODY),
    View("sign-in-wrong", "/sign-in", {"email": "x@garden.example"}, 422, who=NOBODY),
    View("sign-in-throttled", "/sign-in", {"email": THROTTLED}, 429, who=NOBODY),
    View("sign-in-once", "/sign-in/once", who=NOBODY),
    View("sign-in-once-wrong", "/sign-in/once", {"code": "x"}, 422, who=NOBODY),
    View("sign-in-code", "/sign-in", AGAIN, who=NOBODY, leads_to="/sign-in/code"),
    View("sign-in-code-wrong", "/sign-in/code", {"code": "000000"}, 422, who=NOBODY),
    View("invitation", "/invitation", who=NOBODY),
    View("invitation-wrong", "/invitation", {"code": "x"}, 422, who=NOBODY),
    View("invitation-open", "/invitation", CODE, who=NOBODY),
    View("invitation-refused", "/invitation/accept", CODE | SHORT, 422, who=NOBODY),
    View("invitation-joining", "/invitation", CODE, who=NEWCOMER),
    View("failure-nothing-outside", "/nothing", status=404, who=NOBODY),
    View("profile", "/account/profile"),
    View("profile-done", "/account/profile?done=1"),
    View("profile-wrong", "/account/profile", {"name": "", "time_zone": "Mars"}, 422),
    View("acting-for-another", "/for/{operator-other}?next=/people", who=SECURED),
    View("security-none", "/account/security", who=NEWCOMER),
    View("security-password", "/account/security?done=password", who=SECURED),
    View("security-app", "/account/security", who=GUARDED),
    View("password", "/account/password"),
    View("password-wrong", "/account/password", SHORT, 422),
    View("app", "/account/app", who=SECURED),
    View("app-wrong", "/account/app", {"secret": SECRET, "code": "000000"}, 422, who=SECURED),
    View("app-too-early", "/account/app", {}, 409, who=NEWCOMER),
    View("app-remove", "/account/app/remove", who=GUARDED),
    View("recovery-codes-new", "/account/recovery-codes", who=GUARDED),
    View("recovery-codes", "/account/recovery-codes", {}, who=GUARDED),
    View("confirm", "/confirm?next=/people", who=NEWCOMER),
    View("confirm-password", "/confirm?next=/people", who=GUARDED),
    View("confirm-wrong", "/confirm", {"password": "x"}, 422, who=GUARDED),
    View("tokens", "/account/tokens"),
    View("tokens-none", "/account/tokens", who=NEWCOMER),
    View("tokens-revoked", "/account/tokens?done=1", who=NEWCOMER),
    View("token-revoke", "/account/tokens/{token}/revoke"),
    View("token-new", "/account/tokens/new"),
    View("token-wrong", "/account/tokens", {"name": "", "days": "90"}, 422),
    View("token-made", "/account/tokens", {"name": "backups", "scopes": "deployments:read"}),
    View("people", "/people"),
    View("people-done", "/people?done=role"),
    View("people-viewer", "/people", who=VIEWER),
    View("people-alone", "/people", who=NEWCOMER),
    View("person", "/people/{person-other}"),
    View("person-me", "/people/{person-me}"),
    View("person-last", "/people/{person-me}/role", {"role": "viewer"}, 422),
    View("invite", "/people/invite"),
    View("invite-wrong", "/people/invitations", {"email": "kim"}, 422),
    View("invited", "/people/invitations", {"email": "kim@garden.example", "role": "editor"}),
    View("activity", "/activity"),
    View("activity-chosen", "/activity?person={person-me}&since=2026-01-01"),
    View("activity-none", "/activity?until=2001-01-01"),
    View("activity-wrong", "/activity?since=tomorrow", status=422),
    View("failure-forbidden", "/people/invite", status=403, who=VIEWER),
    View("failure-nothing", "/nothing", status=404),
    View("failure-method", "/sign-out", status=405),
    View("failure-large", "/account/profile", {"name": "x" * LARGE}, 413),
    View("failure-media", "/account/profile", {"name": "x"}, 415, media="text/plain"),
    View("api-docs", "/api/docs"),
)
BROKEN: Final = View("failure-fault", "/account/tokens", status=500)
"""As it is when the table of tokens is away."""


@asynccontextmanager
async def stage(panel: PanelRig) -> AsyncIterator[Stage]:
    """Yield a stage with people who sign in in every way, and who did something."""
    name, found = f"Gardeners {ids.new_id()[-6:]}", Stage()
    found.people[OWNER] = owner = await panel.session(operator=name)
    found.people[VIEWER] = viewer = await panel.session(operator=name, role=Role.VIEWER)
    found.people[NEWCOMER] = await panel.session()
    found.people[SECURED] = (await with_password(panel)).person
    guarded = await with_password(panel)
    await add_app(guarded)
    await guarded.sign_in()
    found.people[GUARDED] = guarded.person
    found.places |= {
        "email": guarded.email,
        "operator-other": await _joined(panel, found),
        "person-me": owner.person,
        "person-other": viewer.person,
        "code": await _busy(panel, found),
    }
    await _renamed(panel, viewer.person, "Aleksandra Wiśniewska-Kowalczyk")
    yield found


async def _busy(panel: PanelRig, found: Stage) -> str:
    """Let the owner do this and that, and return the code of an invitation."""
    owner = found.people[OWNER]
    assert owner is not None
    async with owner.browser() as pages:
        for token in ("deploys at night", "reads for the status page"):
            form = {"name": token, "scopes": ["deployments:read", "deployments:write"]}
            made = await pages.post("/account/tokens", data=form)
        form = {"email": "kim.with.a.long.address@association.example", "role": "viewer"}
        answer = await pages.post("/people/invitations", data=form)
    found.places["token"] = re.findall(r"/account/tokens/(\w+)/revoke", made.text)[0]
    [code] = set(re.findall(r"/invitation#(fdv_invite_\w+)", answer.text))
    bucket = throttling.of_password(THROTTLED, "127.0.0.1").own.digest
    async with panel.database() as database, database.transaction() as tx:
        await tx.execute(
            "insert into sign_in_attempts (bucket, attempts, newest_at) "
            "values ($1, 20, now() + interval '1 hour') on conflict (bucket) "
            "do update set attempts = excluded.attempts, newest_at = excluded.newest_at",
            bucket,
        )
    return str(code)


async def _joined(panel: PanelRig, found: Stage) -> str:
    """Let somebody act for the owner's operator as well, and return which that is."""
    owner, other = found.people[OWNER], found.people[SECURED]
    assert owner is not None
    assert other is not None
    async with panel.database() as database, database.transaction() as tx:
        operator = await tx.fetchval(
            "select operator from memberships where person = $1", owner.person
        )
        await tx.execute(
            "insert into memberships (person, operator, role) values ($1, $2, 'viewer')",
            other.person,
            operator,
        )
    return str(operator)


async def _renamed(panel: PanelRig, person: str, name: str) -> None:
    async with panel.database() as database, database.transaction() as tx:
        await tx.execute("update people set name = $2 where id = $1", person, name)


@asynccontextmanager
async def without_tokens(panel: PanelRig) -> AsyncIterator[None]:
    """Take away what a page needs, for the length of a block."""
    async with panel.database() as database:
        async with database.transaction() as tx:
            await tx.execute("alter table tokens rename to tokens_away")
        try:
            yield
        finally:
            async with database.transaction() as tx:
                await tx.execute("alter table tokens_away rename to tokens")
