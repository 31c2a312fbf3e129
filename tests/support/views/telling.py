"""Views of notifications, webhooks and domains, and of the hosting provider's own pages."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from services.panel.domain.identity import Scope
from shared import ids
from shared.contracts.deployments import Doors, Endpoint, GrantedMachine, SecureShell
from shared.contracts.provisioner import VMReady
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.eventually import eventually
from tests.support.name_server import NameServer, serving
from tests.support.receiver import receiving
from tests.support.views.view import NEWCOMER, OWNER, Stage, View

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from tests.support.panel import Json, PanelRig
    from tests.support.visitors import SignedIn

PROVIDER: Final = "provider"
HOOKS: Final = "/settings/webhooks"
HOOK: Final = f"{HOOKS}/{{endpoint-failing}}"
NEW_HOOK: Final = {"url": "http://127.0.0.1:9999/new", "types": ["run.failed"]}
BAD_HOOK: Final = {"url": "ftp://hooks.example/<b>", "types": "run.failed"}
LETTERS: Final = "/provider/dead-letters"
LETTER: Final = f"{LETTERS}/{{letter-waiting}}"
OPERATOR: Final = "/provider/operators/{operator}"
WITHHOLD: Final = "/provider/applications/{name-notes}/withhold"
NOTICE: Final = "/provider/notice"
MESSAGE: Final = {"message": "Tonight from 22:00 all machines restart, one after the other."}
QUOTA: Final = {"deployments": "3", "applications": "", "storage_gib": "40"}
EDGE: Final = "127.0.0.1"
VIEWS: Final = (
    View("notifications", "/account/notifications"),
    View("notifications-none", "/account/notifications", who=NEWCOMER),
    View("webhooks", HOOKS),
    View("webhooks-none", HOOKS, who=NEWCOMER),
    View("webhook", HOOK),
    View("webhook-off", f"{HOOKS}/{{endpoint-off}}"),
    View("webhook-new", f"{HOOKS}/new"),
    View("webhook-wrong", f"{HOOKS}/new", BAD_HOOK, 422),
    View("webhook-made", f"{HOOKS}/new", NEW_HOOK),
    View("webhook-edit", f"{HOOK}/edit"),
    View("webhook-edit-wrong", f"{HOOK}/edit", {"url": "http://127.0.0.1:9/x"}, 422),
    View("webhook-edit-stale", f"{HOOK}/edit", NEW_HOOK | {"version": "0"}, 409),
    View("webhook-rotate", f"{HOOK}/rotate"),
    View("webhook-rotated", f"{HOOK}/rotate", {}),
    View("webhook-remove", f"{HOOK}/remove"),
    View("webhook-delivery", f"{HOOK}/deliveries/{{delivery-failed}}"),
    View("webhook-delivery-good", f"{HOOKS}/{{endpoint-off}}/deliveries/{{delivery-good}}"),
    View("domains", "/domains"),
    View("domains-none", "/domains", who=NEWCOMER),
    View("domain-unseen", "/domains/{domain-unseen}"),
    View("domain-missing", "/domains/{domain-missing}"),
    View("domain-set", "/domains/{domain-set}"),
    View("domain-front", "/domains/{domain-front}"),
    View("provider", "/provider", who=PROVIDER),
    View("provider-letters", LETTERS, who=PROVIDER),
    View("provider-letters-decided", f"{LETTERS}?decided=yes", who=PROVIDER),
    View("provider-letter", LETTER, who=PROVIDER),
    View("provider-letter-decided", f"{LETTERS}/{{letter-decided}}", who=PROVIDER),
    View("provider-discard", f"{LETTER}/discard", who=PROVIDER),
    View("provider-operators", "/provider/operators", who=PROVIDER),
    View("provider-operator", OPERATOR, who=PROVIDER),
    View(
        "provider-operator-wrong",
        f"{OPERATOR}/quota",
        QUOTA | {"version": "1", "deployments": "many"},
        422,
        who=PROVIDER,
    ),
    View(
        "provider-operator-stale",
        f"{OPERATOR}/quota",
        QUOTA | {"version": "0"},
        409,
        who=PROVIDER,
    ),
    View("provider-machines", "/provider/machines", who=PROVIDER),
    View("provider-activity", "/provider/activity", who=PROVIDER),
    View("provider-activity-wrong", "/provider/activity?since=x", status=422, who=PROVIDER),
    View("provider-applications", "/provider/applications", who=PROVIDER),
    View("provider-withhold", WITHHOLD, who=PROVIDER),
    View("provider-withhold-wrong", WITHHOLD, {"reason": " "}, 422, who=PROVIDER),
    View("provider-notice", NOTICE, who=PROVIDER),
    View("provider-notice-wrong", NOTICE, {"message": ""}, 422, who=PROVIDER),
    View("provider-notice-shown", NOTICE, MESSAGE, who=PROVIDER, leads_to=NOTICE),
    View("deployments-notice", "/deployments", who=PROVIDER),
    View("failure-provider", "/provider", status=403),
)
WITHDRAWN: Final = View(
    "provider-notice-withdrawn", f"{NOTICE}/withdraw", {}, who=PROVIDER, leads_to=NOTICE
)
"""Whatever comes before: everybody sees a notice."""


@asynccontextmanager
async def stage(panel: PanelRig) -> AsyncIterator[Stage]:
    """Yield a stage on which happenings were told, and the provider has something to decide."""
    name, found = f"Gardeners {ids.new_id()[-6:]}", Stage()
    found.people[OWNER] = owner = await panel.session(operator=name)
    found.people[NEWCOMER] = await panel.session()
    found.people[PROVIDER] = boss = await panel.session(operator=f"{name} & Co", provider=True)
    found.places["name-notes"] = "notes"
    async with panel.operator(named=name) as client, panel.operator(Scope.PROVIDER) as looking:
        run = await _domains(panel, client, found)
        await _machine(panel, looking, run)
        for state in ("waiting", "decided"):
            found.places[f"letter-{state}"] = await _letter(panel, client, looking)
        found.places["operator"] = (await rigs.get(client, "/me"))["operator"]
        async with receiving(status=500) as failing, receiving() as good:
            await _webhooks(owner, found, failing.url, good.url)
        failed = await rigs.deploy(client, (await rigs.create(client))["id"])
        await runs.fail(panel, client, failed["id"])
    async with boss.browser() as pages:
        await pages.post(f"{LETTERS}/{found.places['letter-decided']}/discard")
        await pages.post(found.filled(f"{OPERATOR}/quota"), data=QUOTA | {"version": "0"})
    yield found


async def _domains(panel: PanelRig, client: httpx2.AsyncClient, found: Stage) -> Json:
    """Make a domain for each of the ways in which it can stand; return a run on one of them."""
    for name in ("unseen", "missing", "set"):
        found.places[f"domain-{name}"] = domain = f"{name}-{ids.new_id()[-5:]}.fedi.test"
        await rigs.create(client, domain)
        if name == "unseen":
            continue
        records = {(f"hello.{domain}", "A"): [EDGE]} if name == "set" else {}
        own = NameServer(zone=domain, records=records)
        first, second = panel.resolver_ports
        async with serving(own, panel.authority_port), serving(own, first), serving(own, second):
            answer = await client.post(f"/domains/{domain}/checks")
            assert answer.is_success, answer.text
    front = await rigs.create(client)
    found.places["domain-front"] = front["domain"]
    return await rigs.deploy(client, front["id"])


async def _machine(panel: PanelRig, looking: httpx2.AsyncClient, run: Json) -> None:
    machine = GrantedMachine(
        machine=f"fdv-{run['deployment']}-1",
        applications=("hello",),
        ssh=SecureShell(host="192.0.2.10", port=22, host_public_key="ssh-ed25519 AAAA"),
        http=Endpoint(host="192.0.2.10", port=8080),
        guest=Doors(),
    )
    it = {"deployment": run["deployment"], "run": run["id"], "revision": run["revision"]}
    await panel.say("provisioner", VMReady(**it, machines=(machine,)))

    async def is_known() -> bool:
        housed = (await rigs.get(looking, "/provider/machines"))["items"]
        return any(it["id"] == run["deployment"] for it in housed)

    await eventually(is_known, within=rigs.SOON)


async def _letter(panel: PanelRig, client: httpx2.AsyncClient, looking: httpx2.AsyncClient) -> str:
    """Let a run be held by a message that storage cannot handle."""
    run = await rigs.deploy(client, (await rigs.create(client))["id"])
    reason = "operator: Field required\napplications.0.options: " + "long" * 40
    event = runs.a_letter(run, reason=reason)
    await panel.say("storage", event)

    async def is_known() -> bool:
        return (await looking.get(f"/dead-letters/{event.dead_letter}")).is_success

    await eventually(is_known, within=rigs.SOON)
    return event.dead_letter


async def _webhooks(owner: SignedIn, found: Stage, failing: str, good: str) -> None:
    """Add one endpoint that fails, and one that answered well and was switched off since."""
    async with owner.browser() as pages:
        for name, url in (("failing", failing), ("off", good)):
            form = {"url": url, "description": "", "types": ["run.failed", "run.succeeded"]}
            await pages.post(f"{HOOKS}/new", data=form)
            listed = (await pages.get(HOOKS)).text
            place = re.findall(rf'href="({HOOKS}/[0-9a-z]{{26}})"', listed)[0]
            sent = (await pages.post(f"{place}/test")).headers["location"]
            found.places[f"endpoint-{name}"] = place.rpartition("/")[2]
            outcome = "failed" if name == "failing" else "good"
            found.places[f"delivery-{outcome}"] = sent.rpartition("/")[2]
        await pages.post(f"{place}/disable")
