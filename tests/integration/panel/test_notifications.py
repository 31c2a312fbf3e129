"""People are told how a run ended: in the panel and by e-mail, as each of them wants it."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from services.panel.domain.happenings import of_endpoint
from services.panel.domain.webhooks import Endpoint
from shared.contracts.happenings import HappeningType
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support import rig
from tests.support.happenings import HappeningRig, carry_all
from tests.support.mailbox import running_mailbox
from tests.support.tongues import english_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from shared.embedded.servers.postgres import Access
    from tests.support.panel import Json, PanelRig


async def failed(panel: PanelRig, client: httpx2.AsyncClient) -> Json:
    """Return a first deploy that failed."""
    deployment = await rigs.create(client)
    run = await rigs.deploy(client, deployment["id"])
    return await runs.fail(panel, client, run["id"])


async def live_with_address(panel: PanelRig, client: httpx2.AsyncClient, address: str) -> None:
    me = await rigs.get(client, "/me")
    async with panel.database() as database, database.transaction() as tx:
        await tx.execute("update people set email = $2 where id = $1", me["person"], address)


async def test_the_bell_counts_and_lists_what_ended_until_it_is_read(panel: PanelRig) -> None:
    async with panel.operator() as client:
        run = await failed(panel, client)
        count = await rigs.get(client, "/notifications/unread")
        [found] = (await rigs.get(client, "/notifications"))["items"]
        read = await client.post(f"/notifications/{found['id']}/read")
        again = await client.post(f"/notifications/{found['id']}/read")
        unread = await rigs.get(client, "/notifications?unread=true")
        everything = await rigs.get(client, "/notifications")
        after = await rigs.get(client, "/notifications/unread")

    assert count == {"unread": 1}
    assert found["type"] == "run.failed"
    assert found["title"].startswith("Deploying ")
    assert found["why"] == "It broke."
    assert found["next"]
    assert found["data"]["id"] == run["id"]
    assert (read.status_code, again.status_code) == (204, 204)
    assert unread["items"] == []
    assert everything["items"][0]["read_at"] is not None
    assert after == {"unread": 0}


async def test_everybody_of_the_operator_is_told_and_nobody_else(panel: PanelRig) -> None:
    operator = f"Operator {secrets.token_hex(8)}"
    async with (
        panel.operator(named=operator) as one,
        panel.operator(named=operator) as other,
        panel.operator() as stranger,
    ):
        await failed(panel, one)
        [theirs] = (await rigs.get(other, "/notifications"))["items"]
        nothing = await rigs.get(stranger, "/notifications")
        touched = await stranger.post(f"/notifications/{theirs['id']}/read")
        await other.post("/notifications/read")
        mine = await rigs.get(one, "/notifications/unread")

    assert nothing["items"] == []
    assert touched.status_code == 404
    assert mine == {"unread": 1}


async def test_a_failure_is_mailed_and_a_success_only_to_those_who_want_it(panel: PanelRig) -> None:
    async with (
        running_mailbox(panel.mail_port) as mailbox,
        panel.operator() as client,
        rigs.an_application() as url,
    ):
        await live_with_address(panel, client, "robin@garden.example")
        run = await failed(panel, client)
        await mailbox.until(1)
        live = await runs.live(panel, client, url)
        wish = {"topic": "run_succeeded", "channel": "email", "wanted": True}
        chosen = await client.patch("/notifications/choices", json={"choices": [wish]})
        restart = await runs.ask(client, f"/deployments/{live['id']}/restart")
        await runs.succeed(panel, client, restart["id"])
        letters = await mailbox.until(2)

    bad, good = letters
    assert bad["subject"].startswith("[Test] Deploying ")
    assert "failed (run 1)" in bad["subject"]
    assert bad["to"] == "robin@garden.example"
    assert bad["from"] == "Test <panel@panel.demo.localhost>"
    assert len({it["message-id"] for it in letters}) == 2
    assert bad["auto-submitted"] == "auto-generated"
    assert bad.get_body(("html",)) is not None
    text = bad.get_body(("plain",))
    assert text is not None
    assert "It broke." in text.get_content()
    assert f"?next=/runs/{run['id']}\n" in text.get_content().replace("\r", "")
    assert f"{live['domain']} was restarted" in good["subject"]
    assert wish in chosen.json()["choices"]


async def test_choices_begin_with_failures_by_mail(panel: PanelRig) -> None:
    async with panel.operator() as client:
        found = await rigs.get(client, "/notifications/choices")
        wish = {"topic": "run_failed", "channel": "bell", "wanted": False}
        await client.patch("/notifications/choices", json={"choices": [wish]})
        await failed(panel, client)
        listed = await rigs.get(client, "/notifications")

    wanted = {(it["topic"], it["channel"]): it["wanted"] for it in found["choices"]}
    assert wanted["run_failed", "email"]
    assert not wanted["run_succeeded", "email"]
    assert wanted["run_succeeded", "bell"]
    assert found["sends_mail"]
    assert found["email"] is None
    assert listed["items"] == []


@pytest.fixture
async def it(empty: Access) -> AsyncIterator[HappeningRig]:
    async with rig.tables(empty, "shared", "services.panel") as database:
        made = HappeningRig(database=database)
        await made.sign_in(f"{secrets.token_hex(4)}@garden.example")
        yield made


async def switch_off(it: HappeningRig, *, reason: str = "It answered 410.") -> None:
    endpoint = Endpoint(
        id=secrets.token_hex(13),
        operator=it.caller.operator,
        url="https://hooks.example/secret",
        description="",
        types=frozenset(),
        created_at=it.clock.now(),
        disabled_reason=reason,
    )
    async with it.database.transaction() as tx:
        await it.happenings.tell(tx, of_endpoint(HappeningType.ENDPOINT_DISABLED, endpoint))


async def state(it: HappeningRig) -> tuple[str, int, str]:
    async with it.database.transaction() as tx:
        row = await tx.fetchrow(
            """select state, attempt, reason from mails
            join notifications on notifications.id = notification where person = $1""",
            it.caller.person,
        )
    assert row is not None
    return row["state"], row["attempt"], row["reason"]


async def test_a_mail_is_tried_again_under_the_same_message_id_until_the_relay_takes_it(
    it: HappeningRig,
) -> None:
    await switch_off(it)
    assert await carry_all(it.mail_round()) == 1
    assert (await state(it))[0] == "waiting"
    async with running_mailbox() as mailbox:
        it.mail_port = mailbox.port
        mailbox.recipient_answer = "451 4.7.1 Greylisted"
        assert await carry_all(it.mail_round()) == 0
        it.clock.move(60)
        assert await carry_all(it.mail_round()) == 1
        assert "451" in (await state(it))[2]
        mailbox.recipient_answer = "250 Ok"
        it.clock.move(300)
        assert await carry_all(it.mail_round()) == 1
        it.clock.move(86400)
        assert await carry_all(it.mail_round()) == 0

    assert await state(it) == ("sent", 3, "")
    [letter] = mailbox.letters
    assert letter["subject"] == "[Provider] Webhooks to https://hooks.example were switched off"


async def test_a_mail_speaks_the_language_of_who_gets_it(it: HappeningRig) -> None:
    async with it.database.transaction() as tx:
        await tx.execute("update people set language = 'de' where id = $1", it.caller.person)
    await switch_off(it, reason="It answered 410: nobody wants these messages there any more.")
    async with running_mailbox() as mailbox:
        it.mail_port = mailbox.port
        await carry_all(it.mail_round())

    [letter] = mailbox.letters
    shown, plain = letter.get_body(("html",)), letter.get_body(("plain",))
    assert shown is not None
    assert plain is not None
    assert '<html lang="de">' in shown.get_content()
    for said in (shown.get_content(), plain.get_content()):
        assert f"/for/{it.caller.operator}?next=/settings/webhooks/" in said
        assert "Die Antwort war 410" in said
        assert english_in(said, "de") == []


async def test_a_mail_that_is_refused_for_good_is_given_up_at_once(it: HappeningRig) -> None:
    await switch_off(it)
    async with running_mailbox() as mailbox:
        it.mail_port = mailbox.port
        mailbox.recipient_answer = "550 5.1.1 No such person"
        await carry_all(it.mail_round())

    found, attempt, reason = await state(it)
    assert (found, attempt) == ("failed", 1)
    assert "550" in reason


async def test_who_does_not_act_for_the_operator_any_more_gets_no_mail_of_it(
    it: HappeningRig,
) -> None:
    await switch_off(it)
    async with it.database.transaction() as tx:
        await tx.execute(
            "update memberships set ended_at = now() where person = $1", it.caller.person
        )
    async with running_mailbox() as mailbox:
        it.mail_port = mailbox.port
        assert await carry_all(it.mail_round()) == 1

    assert mailbox.letters == []
    found, _, reason = await state(it)
    assert (found, "any more" in reason) == ("failed", True)


async def test_a_mail_without_a_relay_ends_after_its_last_attempt(it: HappeningRig) -> None:
    await switch_off(it)
    count = 0
    for _ in range(20):
        count += await carry_all(it.mail_round())
        it.clock.move(86400)

    assert count == 8
    assert (await state(it))[0] == "failed"


async def test_what_is_told_cannot_act_on_who_reads_it(it: HappeningRig) -> None:
    await switch_off(it, reason="<script>alert(1)</script>\r\nBcc: x@y.example")
    async with running_mailbox() as mailbox:
        it.mail_port = mailbox.port
        await carry_all(it.mail_round())

    [letter] = mailbox.letters
    shown = letter.get_body(("html",))
    assert shown is not None
    assert "<script>" not in shown.get_content()
    assert letter["bcc"] is None
    assert [recipient for _, recipient in mailbox.envelopes] == [f"<{letter['to']}>"]


async def test_notifications_are_forgotten_after_ninety_days(it: HappeningRig) -> None:
    await switch_off(it)
    now = it.clock.now()
    async with it.database.transaction() as tx:
        early = await it.register.forget(tx, now - timedelta(days=1), 1000)
        late = await it.register.forget(tx, now + timedelta(days=1), 1000)

    assert (early, late >= 1) == (0, True)
    assert await it.told() == []
