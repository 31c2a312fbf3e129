"""First passwords of applications: each is shown once, to somebody who has proved who it is."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from shared import errors

from ...domain.identity import Scope
from ..dependencies import Id, ProvenDependency

router = APIRouter(prefix="/deployments/{deployment}/credentials")
Name = Annotated[str, Path(max_length=64)]


@router.get("/{application}")
async def ask_before_revealing(
    asking: ProvenDependency,
    deployment: Id,
    application: Name,
) -> Response:
    """Say that a password is shown only once, and ask whether now is the moment."""
    asking.caller.require(Scope.WRITE)
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.runs.overview(tx, asking.caller, deployment)
        known = await asking.panel.credentials.list_credentials(tx, asking.caller, deployment)
    credential = next((it for it in known if it.credential.application == application), None)
    if credential is None:
        raise errors.NotFoundError("credential.not_found", "There is no such first password.")
    return asking.show(
        "deployments/reveal.html",
        deployment=found.deployment,
        known=credential,
    )


@router.post("/{application}")
async def reveal(
    asking: ProvenDependency,
    deployment: Id,
    application: Name,
) -> Response:
    """Show a password; nothing keeps it from here on, so there is no page to lead to."""
    async with asking.panel.database.transaction() as tx:
        found = await asking.panel.runs.overview(tx, asking.caller, deployment)
        revealed = await asking.panel.credentials.reveal(tx, asking.caller, deployment, application)
    return asking.show(
        "deployments/revealed.html",
        deployment=found.deployment,
        known=revealed.known,
        password=revealed.password.get_secret_value(),
    )
