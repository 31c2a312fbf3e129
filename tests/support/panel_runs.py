"""What the services say in runs of every kind, so that a test plays all of them for panel."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from shared import ids
from shared.contracts.deployer import (
    ApplicationQuiesced,
    ApplicationResumed,
    DeploymentFailed,
    StateExported,
    StateImported,
)
from shared.contracts.deployments import GrantedBucket
from shared.contracts.everyone import MessageDeadLettered
from shared.contracts.failures import Failure, Outcome
from shared.contracts.provisioner import MaintenanceChanged, ProvisioningFailed
from shared.contracts.state import BackedUpApplication, SavedApplication, Staging
from shared.contracts.storage import (
    BackupCompleted,
    BackupRemoved,
    RestoreCompleted,
    StateExportRequested,
    StateImportRequested,
    StorageFailed,
)
from tests.support import panel as rigs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    import httpx2

    from shared.contracts.messages import Event
    from tests.support.panel import Json, PanelRig

    Said = list[tuple[str, Event]]

TAKEN_AT = "2026-11-21T09:30:00Z"
HELD = BackedUpApplication(
    application="hello", version="1.0.0", rows=3, objects=2, bytes=700, not_included=("cache",)
)
STAGING = Staging(
    granted=GrantedBucket(
        application="",
        purpose="x",
        endpoint="http://127.0.0.1:9",
        region="us-east-1",
        bucket="fdv-x",
        access_key_id="x",
        sealed_secret_key="x",  # noqa: S106 - nothing is sealed in it
    ),
    prefixes={"hello": "state/hello"},
)
SAVED = (SavedApplication(application="hello", version="1.0.0"),)
HOSTS = ("hello.x.localhost",)


def a_letter(
    run: Json, letter: str | None = None, reason: str = "storage.fault: no"
) -> MessageDeadLettered:
    """Return what storage says of a message of a run that it cannot handle."""
    return MessageDeadLettered(
        deployment=run["deployment"],
        service="storage",
        dead_letter=letter or ids.new_id(),
        message=ids.new_id(),
        event="DeploymentRequested",
        reason=reason,
        run=run["id"],
    )


def answers(run: Json, url: str) -> Said:
    """Return what is said, in order and by whom, when a run that has begun goes well."""
    if run["kind"] == "deploy":
        said = rigs.answers_of_a_deploy(run, url)
        is_prepared = "check" not in {step["name"] for step in run["steps"]}
        return said[:3] if is_prepared else said
    return ANSWERS[run["kind"]](run)


def _backup(run: Json) -> Said:
    export = _of_revision(run) | {"export": run["backup"]}
    asked = {"applications": ("hello",), "staging": STAGING, "recipient": "deployer"}
    return [
        ("storage", StateExportRequested(**export, **asked)),
        ("deployer", StateExported(**export, applications=SAVED)),
        ("storage", backup_completed(run)),
    ]


def _restore(run: Json) -> Said:
    it = _of_revision(run)
    export = it | {"export": run["backup"]}
    return [
        ("storage", StateImportRequested(**export, applications=SAVED, staging=STAGING)),
        ("deployer", StateImported(**export, applications=("hello",))),
        ("storage", RestoreCompleted(**it, backup=run["backup"], applications=(HELD,))),
    ]


def _remove_backup(run: Json) -> Said:
    return [("storage", BackupRemoved(**_of(run), backup=run["backup"]))]


def _restart(run: Json) -> Said:
    return [("deployer", ApplicationResumed(**_of(run), hosts=HOSTS))]


def _pause(run: Json) -> Said:
    return [
        ("deployer", ApplicationQuiesced(**_of(run), hosts=HOSTS)),
        ("provisioner", MaintenanceChanged(**_of(run), hosts=HOSTS, on=True)),
    ]


def _resume(run: Json) -> Said:
    return [
        ("deployer", ApplicationResumed(**_of(run), hosts=HOSTS)),
        ("provisioner", MaintenanceChanged(**_of(run), hosts=HOSTS, on=False)),
    ]


def _of(run: Json) -> Json:
    return {"deployment": run["deployment"], "run": run["id"]}


def _of_revision(run: Json) -> Json:
    return _of(run) | {"revision": run["revision"]}


ANSWERS: Final[Mapping[str, Callable[[Json], Said]]] = {
    "remove": rigs.answers_of_a_removal,
    "backup": _backup,
    "restore": _restore,
    "remove_backup": _remove_backup,
    "restart": _restart,
    "pause": _pause,
    "resume": _resume,
}


def backup_completed(run: Json) -> BackupCompleted:
    return BackupCompleted(
        **_of_revision(run),
        backup=run["backup"],
        taken_at=TAKEN_AT,
        bytes=512,
        applications=(HELD,),
    )


def failure(run: Json, service: str, outcome: Outcome, *, code: str = "it.broke") -> Event:
    """Return what a service says when its part of a run did not work, or was cancelled."""
    kind = {
        "storage": StorageFailed,
        "deployer": DeploymentFailed,
        "provisioner": ProvisioningFailed,
    }[service]
    return kind(
        **_of_revision(run),
        failure=Failure(code=code, message="It broke.", retryable=True),
        stage=next(it["name"] for it in run["steps"] if it["service"] == service),
        outcome=outcome,
    )


async def stated(panel: PanelRig, kind: type[Event], deployment: str) -> Json:
    """Return the one thing of a kind that panel states about a deployment, once it has."""
    found: list[Json] = []

    async def is_stated() -> bool:
        found[:] = await panel.stated(kind, deployment)
        return bool(found)

    await eventually(is_stated, within=rigs.SOON)
    [event] = found
    return event


async def succeed(panel: PanelRig, client: httpx2.AsyncClient, run: str, url: str = "") -> Json:
    """Let a run begin, play the services in it, and return it as it ended: well."""
    begun = await rigs.until_state(client, run, "running")
    for service, event in answers(begun, url):
        await panel.say(service, event)
    return await rigs.until_state(client, run, "succeeded")


async def fail(
    panel: PanelRig,
    client: httpx2.AsyncClient,
    run: str,
    outcome: Outcome = Outcome.UNCHANGED,
    service: str = "deployer",
) -> Json:
    """Let a run begin, let one service fail in it, and return it as it ended."""
    begun = await rigs.until_state(client, run, "running")
    await panel.say(service, failure(begun, service, outcome))
    return await rigs.until_state(client, run, "failed")


async def fail_cancelled(panel: PanelRig, client: httpx2.AsyncClient, run: Json) -> Json:
    """Let provisioner answer that it stopped, and return the run as it ended."""
    answer = failure(run, "provisioner", Outcome.UNCHANGED, code="cancelled")
    await panel.say("provisioner", answer)
    return await rigs.until_state(client, run["id"], "cancelled")


async def live(panel: PanelRig, client: httpx2.AsyncClient, url: str, **options: str) -> Json:
    """Return a new deployment of `hello` that runs."""
    deployment = await rigs.create(client, **options)
    run = await rigs.deploy(client, deployment["id"])
    await succeed(panel, client, run["id"], url)
    return await rigs.get(client, f"/deployments/{deployment['id']}")


async def run_unreached(panel: PanelRig, client: httpx2.AsyncClient, deployment: str) -> Json:
    """Deploy what is staged so that it runs and nothing leads to it; return the failed run."""
    run = await rigs.deploy(client, deployment)
    await panel.say("deployer", rigs.config_deployed(run))
    return await fail(panel, client, run["id"], Outcome.PARTIAL, "provisioner")


async def backed_up(panel: PanelRig, client: httpx2.AsyncClient, deployment: str) -> Json:
    """Return a complete backup of a deployment."""
    run = await ask(client, f"/deployments/{deployment}/backups")
    await succeed(panel, client, run["id"])
    return await rigs.get(client, f"/backups/{run['backup']}")


@asynccontextmanager
async def with_backup(
    panel: PanelRig,
) -> AsyncIterator[tuple[httpx2.AsyncClient, httpx2.AsyncClient, Json, Json]]:
    """Yield a client and a browser of one operator, its deployment, and a backup of that."""
    person = await panel.session()
    async with (
        panel.operator(named=person.operator) as client,
        person.browser() as browser,
        rigs.an_application() as url,
    ):
        deployment = await live(panel, client, url)
        yield client, browser, deployment, await backed_up(panel, client, deployment["id"])


async def ask(client: httpx2.AsyncClient, path: str, body: Json | None = None) -> Json:
    """Ask for something that becomes a run."""
    answer = await client.post(path, json=body)
    assert answer.status_code == 202, answer.text
    found: Json = answer.json()
    return found
