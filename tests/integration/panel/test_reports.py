"""Reports of runs, by REST and as a page gives them: nothing planted in a log is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.contracts.failures import Outcome
from shared.contracts.progress import StepState
from tests.support import panel as rigs
from tests.support import panel_runs as runs
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.support.panel import PanelRig

PLANTED: Final = (
    "hunter2-of-the-database",
    "fdv_0123456789abcdefghijklmnop",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "kim@garden.example",
    "192.0.2.77",
    "2001:db8::77",
    "Robin",
)
LINES: Final = (
    "cannot log in with password=hunter2-of-the-database",
    "token fdv_0123456789abcdefghijklmnop and wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "kim@garden.example asked from 192.0.2.77 and 2001:db8::77",
    "Robin is the administrator; building hello.drv",
)


async def test_a_report_tells_a_run_without_secrets_names_and_addresses(panel: PanelRig) -> None:
    person = await panel.session()
    async with panel.operator(named=person.operator) as client, person.browser() as browser:
        deployment = await rigs.create(client)
        run = await rigs.deploy(client, deployment["id"])
        begun = await rigs.until_state(client, run["id"], "running")
        await panel.report(rigs.progress(begun, "build", StepState.RUNNING, *LINES))

        async def is_written() -> bool:
            events = await rigs.get(client, f"/runs/{run['id']}/events")
            return any(it["event"] == "log" for it in events["items"])

        await eventually(is_written, within=rigs.SOON)
        await runs.fail(panel, client, run["id"], Outcome.UNCHANGED)
        by_rest = await client.get(f"/runs/{run['id']}/report")
        by_page = await browser.get(f"/runs/{run['id']}/report")

    for answer in (by_rest, by_page):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert [it for it in PLANTED if it in answer.text] == []
        for part in (
            f"{run['id']} (number {run['number']})",
            "hello 1.0.0",
            "Code:     it.broke",
            "deployer build",
            "building hello.drv",
            "cannot log in with password=",
        ):
            assert part in answer.text
    assert "attachment" in by_page.headers["content-disposition"]
