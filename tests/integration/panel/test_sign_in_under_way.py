"""Passwords and apps that change while a sign-in is under way: what holds is what is there now."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from typing_extensions import override

from services.panel.adapters.argon2_passwords import Argon2PasswordHasher
from services.panel.assembly.entry import entry_of
from services.panel.domain.identity import SESSION_SCOPES, Caller, Role
from services.panel.domain.sessions import Client
from services.panel.service.sign_in import Proof, SecondStep, SignIn
from shared import errors, sealing
from tests.support import signing_in
from tests.support.happenings import HappeningRig
from tests.support.signing_in import PASSWORD, add_app, code_of, with_password

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.support.panel import PanelRig
    from tests.support.signing_in import Login

NEW = PASSWORD + "!"


class Interrupted(Argon2PasswordHasher):
    """Checks passwords; something happens meanwhile."""

    def __init__(self, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    @override
    async def verify(self, kept: str | None, password: SecretStr, asker: str) -> bool:
        found = await super().verify(kept, password, asker)
        await self._meanwhile()
        return found


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Somebody with a password, who changes it or adds an app while somebody else signs in."""

    login: Login

    async def change_password(self) -> None:
        form = {"email": self.login.email, "password": NEW, "again": NEW}
        async with self.login.person.browser() as pages:
            answer = await pages.post("/account/password", data=form)
        assert answer.status_code == 303, answer.text

    async def add_app(self) -> None:
        await add_app(self.login)

    @asynccontextmanager
    async def interrupting(
        self, meanwhile: Callable[[], Awaitable[object]]
    ) -> AsyncIterator[SignIn]:
        unsealer = sealing.Unsealer(sealing.new_identity()[0])
        async with self.login.panel.database() as database:
            happenings = HappeningRig(database=database).happenings
            sign_in = entry_of(database, unsealer, happenings).sign_in
            yield replace(sign_in, passwords=Interrupted(meanwhile))

    async def count_sessions(self) -> int:
        async with self.login.panel.database() as database, database.transaction() as tx:
            return int(
                await tx.fetchval(
                    "select count(1) from sessions where person = $1 and ended_at is null",
                    self.login.person.person,
                )
            )


@pytest.fixture
async def owner(panel: PanelRig) -> Owner:
    return Owner(login=await with_password(panel))


async def test_a_sign_in_under_way_does_not_outlive_its_password(owner: Owner) -> None:
    async with owner.interrupting(owner.change_password) as sign_in:
        with pytest.raises(errors.InvalidError, match=r"sign_in\.wrong"):
            await sign_in.by_password(owner.login.email, SecretStr(PASSWORD), Client())

    assert await owner.count_sessions() == 1
    assert (await owner.login.sign_in(NEW)).status_code == 303


async def test_an_app_that_is_added_meanwhile_is_asked_for(owner: Owner) -> None:
    async with owner.interrupting(owner.add_app) as sign_in:
        found = await sign_in.by_password(owner.login.email, SecretStr(PASSWORD), Client())

    assert isinstance(found, SecondStep)
    assert await owner.count_sessions() == 1


async def test_a_password_that_was_replaced_meanwhile_proves_nothing(owner: Owner) -> None:
    person = owner.login.person
    async with owner.login.panel.database() as database, database.transaction() as tx:
        of_person = "select operator from memberships where person = $1"
        operator = await tx.fetchval(of_person, person.person)
    caller = Caller(
        person=person.person,
        person_name="Robin",
        operator=operator,
        operator_name="Garden",
        role=Role.OWNER,
        session=person.session,
        scopes=SESSION_SCOPES,
    )
    async with owner.interrupting(owner.change_password) as sign_in:
        with pytest.raises(errors.InvalidError, match=r"sign_in\.not_confirmed"):
            await sign_in.confirm(caller, Proof(password=SecretStr(PASSWORD)))


async def test_the_step_after_a_former_password_opens_nothing(owner: Owner) -> None:
    secret, _ = await add_app(owner.login)
    half = await owner.login.sign_in()
    step = signing_in.cookie_in(half, signing_in.STEP_COOKIE)
    await owner.change_password()
    async with owner.login.panel.browser() as browser:
        answer = await browser.post(
            "/sign-in/code",
            data={"code": code_of(secret, steps=1)},
            headers={"Cookie": f"{signing_in.STEP_COOKIE}={step}"},
        )
        told = await browser.get(answer.headers["location"])

    assert answer.headers["location"] == "/sign-in?because=step"
    assert "That took too long" in told.text
    assert await owner.count_sessions() == 1
