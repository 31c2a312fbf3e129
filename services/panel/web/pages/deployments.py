"""Deployments: the list that everything begins with, and the page of each."""

from fastapi import APIRouter, Response

from ...domain.records import Page
from ..dependencies import ITEMS, AskingDependency, Id, PageDependency, older
from ..presenters import deployments, runs

router = APIRouter(prefix="/deployments")
LATEST = 5


@router.get("")
async def list_deployments(
    asking: AskingDependency,
    page: PageDependency,
    removed: str = "",
) -> Response:
    """Show the operator's deployments, those that need somebody first."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.runs.list_overviews(
            tx, asking.caller, page, removed=bool(removed)
        )
    shown = [deployments.present(it, asking.panel.offer) for it in found[:ITEMS]]
    return asking.show(
        "deployments/list.html",
        deployments=deployments.by_urgency(shown),
        before=older([it.deployment for it in found]),
        is_first=page.before is None,
        with_removed=bool(removed),
    )


@router.get("/{deployment}")
async def show_deployment(
    asking: AskingDependency,
    deployment: Id,
) -> Response:
    """Show a deployment: how it is, where it is, how to get in, and what happened last."""
    panel, caller = asking.panel, asking.caller
    async with panel.database.transaction() as tx:
        found = await panel.runs.overview(tx, caller, deployment)
        staged = await panel.configurations.get(tx, caller, deployment)
        credentials = await panel.credentials.list_credentials(tx, caller, deployment)
        latest = await panel.history.list_runs(tx, caller, Page(LATEST), deployment=deployment)
        newest = await panel.backups.find_complete(tx, caller, deployment)
        receipt = await panel.history.receipt(tx, caller, deployment)
    shown = deployments.present(found, panel.offer)
    return asking.show(
        "deployments/show.html",
        deployment=shown,
        has_changes=staged.has_changes and not shown.is_leaving,
        credentials=credentials,
        runs=[runs.row(it, asking.now) for it in latest],
        newest_backup=newest,
        receipt=deployments.receipt(receipt) if receipt else None,
    )
