"""First passwords of applications: listed, revealed exactly once, and kept nowhere after that."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from services.panel.domain.identity import Role, Scope
from shared import ids, sealing
from shared.contracts.deployer import FirstCredential
from tests.support import panel as rigs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    import httpx2

    from tests.support.panel import Json, PanelRig

WAITING = """
select count(*) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock'
"""


def a_password() -> str:
    return f"pw-{secrets.token_hex(12)}"


def place(run: Json) -> str:
    return f"/deployments/{run['deployment']}/credentials"


async def listed(client: httpx2.AsyncClient, run: Json) -> list[Json]:
    found: list[Json] = (await rigs.get(client, place(run)))["items"]
    return found


async def reveal(
    client: httpx2.AsyncClient, run: Json, application: str = "hello", **headers: str
) -> httpx2.Response:
    return await client.post(f"{place(run)}/{application}/reveal", headers=headers)


async def until_told(
    panel: PanelRig, client: httpx2.AsyncClient, run: Json, *told: FirstCredential
) -> None:
    """Have deployer tell credentials, and wait until panel has them and all said before."""
    last = panel.first_credential(a_password(), application=f"last-{ids.new_id()}")
    await panel.say("deployer", rigs.config_deployed(run, *told, last))

    async def are_listed() -> bool:
        return last.application in {it["application"] for it in await listed(client, run)}

    await eventually(are_listed, within=rigs.SOON)


async def a_run(client: httpx2.AsyncClient) -> Json:
    deployment = await rigs.create(client)
    return await rigs.deploy(client, deployment["id"])


async def places_that_hold(panel: PanelRig, text: str) -> list[str]:
    """Return every table and file of panel's that holds a text."""
    found = []
    async with panel.database() as database, database.transaction() as tx:
        tables = await tx.fetch(
            "select table_name from information_schema.tables where table_schema = 'public'"
        )
        for name in (row["table_name"] for row in tables):
            query = f'select exists (select from "{name}" it where strpos(it::text, $1) > 0)'  # noqa: S608 - names of tables
            if await tx.fetchval(query, text):
                found.append(name)
    files = [panel.child.log, *(panel.directory / "traces").iterdir()]
    return found + [it.name for it in files if text in it.read_text(encoding="utf-8")]


async def test_a_first_password_is_listed_without_it_and_revealed_exactly_once(
    panel: PanelRig,
) -> None:
    password = a_password()
    async with panel.operator() as client, rigs.an_application() as url:
        run = await a_run(client)
        told = panel.first_credential(password)
        for service, event in rigs.answers_of_a_deploy(run, url, told):
            await panel.say(service, event)
        await rigs.until_state(client, run["id"], "succeeded")
        before = await client.get(place(run))
        first = await reveal(client, run)
        second = await reveal(client, run)
        after = await listed(client, run)

    shown = {"application": "hello", "user": "admin", "url": url}
    assert before.json() == {"items": [{**shown, "revealed": False}], "next": None}
    assert password not in before.text
    assert (first.status_code, first.json()) == (200, {**shown, "password": password})
    assert first.headers["cache-control"] == "no-store"
    assert (second.status_code, second.json()["code"]) == (409, "credential.revealed")
    assert "the hosting provider can still find it out" in second.json()["detail"]
    assert password not in second.text
    assert after == [{**shown, "revealed": True}]


async def test_a_revealed_password_is_kept_nowhere_and_who_revealed_it_is(
    panel: PanelRig,
) -> None:
    password = a_password()
    told = panel.first_credential(password)
    async with panel.operator() as client:
        run = await a_run(client)
        await until_told(panel, client, run, told)
        sealed_before = await places_that_hold(panel, told.sealed_password)
        assert (await reveal(client, run)).json()["password"] == password
        me = await rigs.get(client, "/me")

    assert sealed_before == ["first_credentials"]
    assert await places_that_hold(panel, told.sealed_password) == []
    assert await places_that_hold(panel, password) == []
    async with panel.database() as database, database.transaction() as tx:
        row = await tx.fetchrow(
            "select * from audit where object = $1 and action = 'credential.revealed'",
            run["deployment"],
        )
    assert row is not None
    assert row["person"] == me["person"]
    assert row["details"] == {"application": "hello"}


async def test_of_ten_who_ask_at_once_one_gets_the_password(panel: PanelRig) -> None:
    async with panel.operator() as client:
        run = await a_run(client)
        await until_told(panel, client, run, panel.first_credential(a_password()))
        async with panel.database() as database:
            # Whoever reads without waiting has read by the time the first one may write.
            async with database.transaction() as holding:
                await holding.execute(
                    "select from first_credentials where deployment = $1 for update",
                    run["deployment"],
                )
                asked = [asyncio.ensure_future(reveal(client, run)) for _ in range(10)]

                async def all_wait() -> bool:
                    async with database.transaction() as tx:
                        waiting: int = await tx.fetchval(WAITING)
                    return waiting == len(asked)

                await eventually(all_wait, within=rigs.SOON)
            answers = await asyncio.gather(*asked)

    assert sorted(it.status_code for it in answers) == [200] + [409] * 9


async def test_an_idempotency_key_is_refused_and_nothing_is_revealed(panel: PanelRig) -> None:
    password = a_password()
    async with panel.operator() as client:
        run = await a_run(client)
        await until_told(panel, client, run, panel.first_credential(password))
        refused = await reveal(client, run, **{"Idempotency-Key": "one"})
        answer = await reveal(client, run)

    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency.refused")
    assert "Idempotency-Key" in refused.json()["detail"]
    assert answer.json()["password"] == password


async def test_the_same_news_twice_does_not_bring_a_revealed_password_back(
    panel: PanelRig,
) -> None:
    told = panel.first_credential(a_password())
    async with panel.operator() as client:
        run = await a_run(client)
        await until_told(panel, client, run, told)
        await reveal(client, run)
        await until_told(panel, client, run, told)
        [found] = [it for it in await listed(client, run) if it["application"] == "hello"]
        again = await reveal(client, run)

    assert found["revealed"] is True
    assert again.status_code == 409


async def test_a_newer_password_replaces_an_older_one_and_never_the_other_way_round(
    panel: PanelRig,
) -> None:
    older, newer = a_password(), a_password()
    async with panel.operator() as client:
        first = await a_run(client)
        await until_told(panel, client, first, panel.first_credential(older))
        assert (await reveal(client, first)).json()["password"] == older
        await panel.say("provisioner", rigs.a_failure(first))
        await rigs.until_state(client, first["id"], "failed")
        second = await rigs.deploy(client, first["deployment"])
        await until_told(panel, client, second, panel.first_credential(newer, user="root"))
        await until_told(panel, client, first, panel.first_credential(older))
        answer = await reveal(client, first)

    assert answer.json() == {
        "application": "hello",
        "user": "root",
        "password": newer,
        "url": None,
    }


async def test_a_password_told_after_the_end_of_its_run_is_kept(panel: PanelRig) -> None:
    # Deployer tells it once, and the application runs with it whatever became of the run.
    password = a_password()
    async with panel.operator() as client:
        run = await a_run(client)
        await panel.say("provisioner", rigs.a_failure(run))
        await rigs.until_state(client, run["id"], "failed")
        await until_told(panel, client, run, panel.first_credential(password))
        answer = await reveal(client, run)
        found = await rigs.get(client, f"/runs/{run['id']}")

    assert answer.json()["password"] == password
    assert found["state"] == "failed"


async def test_passwords_go_with_their_deployment(panel: PanelRig) -> None:
    told = panel.first_credential(a_password())
    async with panel.operator() as client:
        run = await a_run(client)
        await until_told(panel, client, run, told)
        await panel.say("provisioner", rigs.a_failure(run))
        removal = (await client.delete(f"/deployments/{run['deployment']}")).json()
        await rigs.until_state(client, removal["id"], "running")
        for service, event in rigs.answers_of_a_removal(removal):
            await panel.say(service, event)
        await rigs.until_state(client, removal["id"], "succeeded")
        held = await places_that_hold(panel, told.sealed_password)
        await panel.say("deployer", rigs.config_deployed(run, told))
        other = await a_run(client)
        await until_told(panel, client, other)
        gone = await reveal(client, run)
        left = await listed(client, run)

    assert held == []
    assert (gone.status_code, gone.json()["code"]) == (404, "credential.not_found")
    assert left == []


async def test_what_panel_cannot_read_stays_and_is_the_providers_to_mend(panel: PanelRig) -> None:
    _, stranger = sealing.new_identity()
    sealed = sealing.Sealer({"panel": stranger}).seal("panel", a_password())
    told = FirstCredential(application="hello", user="admin", sealed_password=sealed)
    async with panel.operator() as client:
        run = await a_run(client)
        await until_told(panel, client, run, told)
        answers = [await reveal(client, run) for _ in range(2)]
        [found] = [it for it in await listed(client, run) if it["application"] == "hello"]

    assert [it.status_code for it in answers] == [500, 500]
    assert answers[0].json()["code"] == "credential.unreadable"
    assert found["revealed"] is False


async def test_who_may_only_look_or_is_somebody_else_reveals_nothing(panel: PanelRig) -> None:
    password, operator = a_password(), f"Owner {ids.new_id()}"
    tokens = (
        await panel.token(scopes=(Scope.READ,), operator=operator),
        await panel.token(role=Role.VIEWER, operator=operator),
        await panel.token(),
    )
    async with panel.operator(named=operator) as owner:
        run = await a_run(owner)
        await until_told(panel, owner, run, panel.first_credential(password))
        statuses = []
        for token in tokens:
            async with panel.client(token) as client:
                statuses.append((await reveal(client, run)).status_code)
        unknown = [
            await reveal(owner, run, name) for name in ("notes", "%00", "%F0%9F%8C%B1", "x" * 65)
        ]
        answer = await reveal(owner, run)

    assert statuses == [403, 403, 404]
    assert [it.status_code for it in unknown] == [404, 404, 404, 422]
    assert answer.json()["password"] == password


async def test_the_document_says_that_a_password_is_answered_once_and_without_a_key(
    panel: PanelRig,
) -> None:
    async with panel.client(None) as client:
        document = await rigs.get(client, "/openapi.json")

    path = "/api/v1/deployments/{deployment}/credentials/{application}/reveal"
    operation = document["paths"][path]["post"]
    [key] = [it for it in operation["parameters"] if it["name"].lower() == "idempotency-key"]
    assert "refused" in key["description"]
    assert {"200", "401", "403", "404", "409", "422"} <= set(operation["responses"])
    assert "Cache-Control" in operation["responses"]["200"]["headers"]
    [example] = document["components"]["schemas"]["RevealedCredentialAnswer"]["examples"]
    assert example["password"] == "(shown once)"  # noqa: S105 - a placeholder
