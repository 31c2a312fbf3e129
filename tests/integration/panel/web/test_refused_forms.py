"""What is refused for a reason outside the form comes back as the form, with what was entered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.panel.domain.drafts import MOST_DRAFTS
from services.panel.domain.identity import Scope
from tests.support import pages
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.forms import submitted

if TYPE_CHECKING:
    from tests.support.panel import PanelRig


async def limit(panel: PanelRig, operator: str, **quota: int) -> None:
    """Decide how much an operator may have."""
    async with panel.operator(Scope.PROVIDER) as boss:
        path = f"/provider/operators/{operator}/quota"
        answer = await boss.put(path, json=quota, headers=rigs.ANY_VERSION)
    assert answer.status_code == 200, answer.text


async def test_an_endpoint_that_somebody_changed_meanwhile_shows_both_versions(
    panel: PanelRig,
) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client, person.browser() as browser:
        made = await client.post("/webhook-endpoints", json={"url": "http://127.0.0.1:9999/hook"})
        place = f"/settings/webhooks/{made.json()['id']}"
        form = submitted(await pages.read(browser, f"{place}/edit"), f"{place}/edit")
        await pages.follow(browser, f"{place}/edit", description="Theirs")
        mine = [(name, value) for name, value in form if name not in {"description", "types"}]
        mine += [("description", "Our <b> chat"), ("types", "run.failed"), ("types", "test")]
        refused = await pages.post(browser, f"{place}/edit", mine)
        again = submitted(refused.text, f"{place}/edit")
        saved = await pages.post(browser, f"{place}/edit", again)
        found = await rigs.get(client, f"/webhook-endpoints/{made.json()['id']}")

    assert refused.status_code == 409
    said = pages.text_of(refused.text)
    assert "Theirs was changed meanwhile" in said
    assert "What it is for Our <b> chat Theirs" in said
    assert "Address" not in said
    assert saved.status_code == 303
    assert (found["description"], found["types"]) == ("Our <b> chat", ["run.failed", "test"])


async def test_an_application_above_the_quota_is_told_before_its_form_and_on_it(
    panel: PanelRig,
) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client, person.browser() as browser:
        deployment = await rigs.create(client)
        place = f"/deployments/{deployment['id']}/configuration"
        before = await pages.read(browser, f"{place}/add")
        await limit(panel, (await rigs.get(client, "/me"))["operator"], applications=1)
        full = await pages.read(browser, f"{place}/add")
        refused = await pages.send(
            browser, f"{place}/applications/notes", o__text="Hi <b>", o__password="x" * 12
        )

    assert f'href="{place}/applications/notes"' in before
    assert f'href="{place}/applications/notes"' not in full
    assert "A limit is reached" in full
    assert refused.status_code == 422
    [(_, reason)] = pages.summary(refused.text)
    assert reason in pages.text_of(full)
    assert "Hi &lt;b&gt;" in refused.text


async def test_a_restore_to_a_domain_in_use_is_refused_before_it_is_confirmed(
    panel: PanelRig,
) -> None:
    person = await panel.session()
    async with (
        panel.operator(named=person.operator) as client,
        panel.operator() as stranger,
        person.browser() as browser,
        rigs.an_application() as url,
    ):
        live = await runs.live(panel, client, url)
        kept = await runs.backed_up(panel, client, live["id"])
        theirs = await rigs.create(stranger)
        free = rigs.a_domain()
        form = f"/backups/{kept['id']}/restore"
        before = await rigs.get(client, "/deployments")
        refused = [
            await pages.send(browser, form, f"{form}/check", where="as_new", domain=it)
            for it in (live["domain"], theirs["domain"])
        ]
        checked = await pages.send(browser, form, f"{form}/check", where="as_new", domain=free)
        after = await rigs.get(client, "/deployments")
        begun = await pages.post(browser, form, submitted(checked.text, form))
        made = await rigs.get(client, "/deployments")

    assert [it.status_code for it in refused] == [422, 422]
    own, other = (pages.summary(it.text) for it in refused)
    assert own == [("#domain", f"hello.{live['domain']} is already in use by another deployment.")]
    assert [it for it, _ in other] == ["#domain"]
    assert f'value="{theirs["domain"]}"' in refused[1].text
    assert (checked.status_code, before["items"]) == (200, after["items"])
    assert begun.status_code == 303
    assert [it["domain"] for it in made["items"]] == [free, live["domain"]]


async def test_one_draft_too_many_is_told_beside_those_that_there_are(panel: PanelRig) -> None:
    person, domain = await panel.session(), rigs.a_domain()
    async with person.browser() as browser:
        for _ in range(MOST_DRAFTS):
            await pages.follow(browser, "/deployments/new", domain=rigs.a_domain())
        refused = await pages.send(browser, "/deployments/new", domain=domain)

    assert refused.status_code == 422
    [(target, reason)] = pages.summary(refused.text)
    assert (target, reason.startswith(f"There are {MOST_DRAFTS} drafts")) == ("#domain", True)
    assert f'value="{domain}"' in refused.text
    assert refused.text.count('class="draft"') == MOST_DRAFTS
