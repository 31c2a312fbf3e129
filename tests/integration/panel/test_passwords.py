"""Passwords, apps for codes and recovery codes, as people use them, and as others try to."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from services.panel.domain import throttling
from shared import ids
from tests.support import signing_in
from tests.support.signing_in import PASSWORD, add_app, browser_of, code_of, with_password

if TYPE_CHECKING:
    import httpx2

    from services.panel.domain.throttling import Bucket
    from tests.support.panel import PanelRig
    from tests.support.signing_in import Login


NOT_AT_ALL: Final = timedelta()


@pytest.fixture
async def login(panel: PanelRig) -> Login:
    return await with_password(panel)


async def test_a_password_signs_in_and_a_wrong_one_does_not(panel: PanelRig, login: Login) -> None:
    right = await login.sign_in()
    wrong = await login.sign_in("something else entirely")
    async with browser_of(panel, right) as pages:
        page = await pages.get("/account/security")

    assert (right.status_code, right.headers["location"]) == (303, "/deployments")
    assert wrong.status_code == 422
    assert "set-cookie" not in wrong.headers
    assert page.status_code == 200
    assert login.email in wrong.text
    assert "something else" not in wrong.text


async def test_choosing_a_password_signs_out_everywhere_else(panel: PanelRig, login: Login) -> None:
    elsewhere = await login.sign_in()
    form = {"email": login.email, "password": PASSWORD + "!", "again": PASSWORD + "!"}
    async with login.person.browser() as here, browser_of(panel, elsewhere) as there:
        changed = await here.post("/account/password", data=form)
        still_here, not_there = await here.get("/account"), await there.get("/account/profile")

    assert changed.headers["location"] == "/account/security?done=password"
    assert still_here.headers["location"] == "/account/profile"
    assert not_there.headers["location"].startswith("/sign-in?")
    assert (await login.sign_in()).status_code == 422
    assert (await login.sign_in(PASSWORD + "!")).status_code == 303


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"password": "too short"}, "12 characters"),
        ({"password": "password1234"}, "tried first"),
        ({"again": "not the same at all"}, "not the same"),
        ({"email": "robin"}, "e-mail address"),
        ({"email": "a\x00b@garden.example"}, "e-mail address"),
        ({"password": "x" * 300, "again": "x" * 300}, "256 characters"),
    ],
)
async def test_a_password_that_is_not_good_is_refused_beside_its_field(
    panel: PanelRig, form: dict[str, str], says: str
) -> None:
    person = await panel.session()
    good = {"email": f"{ids.new_id()}@garden.example", "password": PASSWORD, "again": PASSWORD}
    if "password" in form:
        form = {"again": form["password"], **form}
    async with person.browser() as pages:
        answer = await pages.post("/account/password", data=good | form)

    assert answer.status_code == 422
    assert says in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert PASSWORD not in answer.text


async def test_strangers_learn_nothing_about_who_is_known(panel: PanelRig, login: Login) -> None:
    unknown = f"{ids.new_id()}@garden.example"

    async def attempt(email: str) -> tuple[httpx2.Response, float]:
        address = f"198.51.100.{len(seen) % 250}"
        form = {"email": email, "password": "not the one at all"}
        async with panel.browser() as browser:
            began = time.perf_counter()
            answer = await browser.post("/sign-in", data=form, headers={"X-Forwarded-For": address})
            return answer, time.perf_counter() - began

    seen: list[tuple[httpx2.Response, float]] = []
    for _ in range(8):
        seen += [await attempt(login.email), await attempt(unknown)]

    known_texts = {it.text.replace(login.email, "") for it, _ in seen[::2]}
    unknown_texts = {it.text.replace(unknown, "") for it, _ in seen[1::2]}
    assert {it.status_code for it, _ in seen} == {422}
    assert known_texts == unknown_texts
    # What else this computer does only ever adds to it.
    known = min(it for _, it in seen[::2])
    nobody = min(it for _, it in seen[1::2])
    assert 0.5 < known / nobody < 2, (known, nobody)
    assert nobody > 0.03, "nobody's password is compared as well"


async def test_who_guesses_waits_and_who_does_not_elsewhere_gets_in(login: Login) -> None:
    there, own = {"X-Forwarded-For": "203.0.113.7"}, bucket_of(login, "203.0.113.7")
    guessed = [await login.sign_in("a wrong guess", **there) for _ in range(own.free)]
    counted = await exhausted(login.panel, own)
    late = await login.sign_in("a wrong guess", **there)
    right_there = await login.sign_in(**there)
    right_elsewhere = await login.sign_in(**{"X-Forwarded-For": "203.0.113.8"})

    assert ([it.status_code for it in guessed], counted) == ([422] * own.free, own.free)
    assert (late.status_code, right_there.status_code) == (429, 429)
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert "then try again" in late.text
    assert right_elsewhere.status_code == 303


def bucket_of(login: Login, address: str) -> Bucket:
    """Return where wrong passwords of a person from an address are counted."""
    return throttling.of_password(login.email, address).own


async def exhausted(panel: PanelRig, bucket: Bucket, *, waited: timedelta = NOT_AT_ALL) -> int:
    """Let a bucket hold so many attempts that the next has to wait longer than a test takes.

    Args:
        waited: how long ago the newest of them was.

    Returns:
        how many it held before.
    """
    async with panel.database() as database, database.transaction() as tx:
        before = await tx.fetchval(
            "select attempts from sign_in_attempts where bucket = $1", bucket.digest
        )
        await tx.execute(
            """insert into sign_in_attempts (bucket, attempts, newest_at)
            values ($1, $2, now() - $3::interval) on conflict (bucket)
            do update set attempts = excluded.attempts, newest_at = excluded.newest_at""",
            bucket.digest,
            bucket.free + 6,
            waited,
        )
    return before or 0


async def test_the_right_password_again_and_again_has_to_wait(login: Login) -> None:
    there = {"X-Forwarded-For": "203.0.113.10"}
    often = throttling.of_password(login.email, "203.0.113.10").often

    first = await login.sign_in(**there)
    counted = await exhausted(login.panel, often)
    second = await login.sign_in(**there)

    assert (first.status_code, counted, second.status_code) == (303, 1, 429)


async def test_passwords_cannot_be_chosen_without_end(login: Login) -> None:
    work = throttling.of_work(login.person.person)
    form = {"email": login.email, "password": PASSWORD, "again": PASSWORD}
    counted = await exhausted(login.panel, work)
    async with login.person.browser() as pages:
        answer = await pages.post("/account/password", data=form)

    assert (counted, answer.status_code) == (1, 429)


async def test_other_addresses_cannot_be_tried_without_end(login: Login) -> None:
    form = {"name": "Robin", "language": "", "time_zone": ""}
    known = await with_password(login.panel)
    tried = throttling.of_email(login.person.person)
    async with login.person.browser() as pages:
        taken = await pages.post("/account/profile", data=form | {"email": known.email})
        counted = await exhausted(login.panel, tried)
        late = await pages.post("/account/profile", data=form | {"email": known.email})
        same = await pages.post("/account/profile", data=form | {"email": login.email})

    assert counted == 2  # the first was one's own
    assert [it.status_code for it in (taken, late, same)] == [422, 429, 303]


async def test_guesses_at_once_are_counted_one_by_one(login: Login) -> None:
    there, own = {"X-Forwarded-For": "203.0.113.9"}, bucket_of(login, "203.0.113.9")
    await exhausted(login.panel, own, waited=throttling.LONGEST_WAIT)

    guessed = await asyncio.gather(*(login.sign_in("a wrong guess", **there) for _ in range(12)))

    assert sorted(it.status_code for it in guessed) == [422, *[429] * 11]


async def test_an_app_is_asked_for_a_code_that_is_good_once(panel: PanelRig, login: Login) -> None:
    secret, recovery = await add_app(login)

    # Older than the one that the app was added with, or that very one.
    used_before = await login.give_code(code_of(secret, steps=-1))
    wrong = await login.give_code("000000")
    next_code = code_of(secret, steps=1)
    right = await login.give_code(next_code)
    again = await login.give_code(next_code)
    by_paper = await login.give_code(recovery[0].upper())
    same_paper = await login.give_code(recovery[0])
    async with browser_of(panel, right) as pages:
        page = await pages.get("/account/security")

    assert [it.status_code for it in (used_before, wrong, again, same_paper)] == [422] * 4
    assert (right.status_code, by_paper.status_code) == (303, 303)
    assert len(set(recovery)) == 10
    assert "9 recovery codes are left" in page.text
    assert secret not in page.text


async def test_a_code_without_the_password_opens_nothing(panel: PanelRig, login: Login) -> None:
    secret, _ = await add_app(login)
    code = {"code": code_of(secret, steps=1)}
    async with panel.browser() as browser:
        without = await browser.post("/sign-in/code", data=code)
        made_up = await browser.post(
            "/sign-in/code", data=code, headers={"Cookie": "__Host-step=fdv_step_made-up"}
        )
    half = await login.sign_in()
    async with panel.browser() as browser:
        step = signing_in.cookie_in(half, signing_in.STEP_COOKIE)
        page = await browser.get("/account", headers={"Cookie": f"__Host-session={step}"})
        profile = await browser.get(
            "/account/profile", headers={"Cookie": f"__Host-session={step}"}
        )

    assert half.headers["location"] == "/sign-in/code"
    assert {it.headers["location"] for it in (without, made_up)} == {"/sign-in?because=step"}
    assert page.status_code == 303
    assert profile.headers["location"].startswith("/sign-in?")


async def test_who_guesses_codes_has_to_wait_wherever(login: Login) -> None:
    await add_app(login)
    guesses = throttling.of_second_factor(login.person.person)

    answers = [(await login.give_code(f"00000{it}")).status_code for it in range(guesses.free)]
    counted = await exhausted(login.panel, guesses)
    late = await login.give_code("000009")

    assert (answers, counted) == ([422] * guesses.free, guesses.free)
    assert late.status_code == 429


async def test_what_cannot_be_undone_asks_for_a_fresh_proof(panel: PanelRig, login: Login) -> None:
    begun = await login.sign_in()
    async with panel.database() as database, database.transaction() as tx:
        await tx.execute(
            "update sessions set confirmed_at = now() - interval '11 minutes' where person = $1",
            login.person.person,
        )
    async with browser_of(panel, begun) as pages:
        asked = await pages.get("/account/tokens/new")
        sent = await pages.post(
            "/account/tokens",
            data={"name": "x"},
            headers={"Referer": f"{panel.url}/account/tokens/new"},
        )
        by_part = await pages.get("/account/app", headers={"HX-Request": "true"})
        wrong = await pages.post("/confirm", data={"password": "wrong", "next": "/people"})
        right = await pages.post(
            "/confirm", data={"password": PASSWORD, "next": "/account/tokens/new"}
        )
        after = await pages.get("/account/tokens/new")

    assert asked.headers["location"] == "/confirm?next=/account/tokens/new"
    assert sent.headers["location"] == "/confirm?next=/account/tokens/new"
    assert by_part.headers["hx-redirect"] == "/confirm?next=/account/app"
    assert wrong.status_code == 422
    assert (right.status_code, right.headers["location"]) == (303, "/account/tokens/new")
    assert after.status_code == 200


async def test_every_sign_in_gets_a_session_of_its_own(panel: PanelRig, login: Login) -> None:
    planted = (await panel.session()).cookie
    form = {"email": login.email, "password": PASSWORD}
    async with panel.browser() as browser:
        answer = await browser.post(
            "/sign-in", data=form, headers={"Cookie": f"__Host-session={planted}"}
        )
        after = await browser.get(
            "/account/profile", headers={"Cookie": f"__Host-session={planted}"}
        )

    assert signing_in.cookie_in(answer) != planted
    assert after.headers["location"].startswith("/sign-in?")


async def test_sessions_are_listed_and_ended(panel: PanelRig, login: Login) -> None:
    other = await login.sign_in()
    async with login.person.browser() as here, browser_of(panel, other) as there:
        page = await here.get("/account/security")
        ended = await here.post("/account/sessions/end-others")
        after = await there.get("/account/profile")
        strangers = (await panel.session()).session
        not_mine = await here.post(f"/account/sessions/{strangers}/end")

    assert page.text.count("<tr role") == 3
    assert ended.status_code == 303
    assert after.headers["location"].startswith("/sign-in?")
    assert not_mine.status_code == 404


async def test_no_secret_of_signing_in_reaches_logs_or_traces_or_the_trail(
    panel: PanelRig, login: Login
) -> None:
    secret, recovery = await add_app(login)
    begun = await login.give_code(code_of(secret, steps=1))
    secrets = [PASSWORD, secret, recovery[0], signing_in.cookie_in(begun), login.person.cookie]
    async with panel.database() as database, database.transaction() as tx:
        trail = json.dumps([str(dict(it)) for it in await tx.fetch("select details from audit")])
        kept = str(
            await tx.fetch(
                """select people.password, people.totp_secret, sessions.digest
                from people join sessions on sessions.person = people.id"""
            )
        )
    written = [trail, kept, panel.child.log.read_text(encoding="utf-8")]
    written += [it.read_text(encoding="utf-8") for it in (panel.directory / "traces").glob("*")]

    assert not [it for it in secrets if any(it in text for text in written)]
