"""Applications: what can be deployed here, and the schema of each one's options."""

import hashlib
import json
from typing import Annotated

from fastapi import APIRouter, Header, Path
from fastapi.responses import Response

from shared import errors
from shared.catalogue import Application

from ..service.panel import Panel
from . import examples, problems
from .dependencies import CallerDependency, PanelDependency
from .schemas.applications import ApplicationAnswer
from .schemas.shape import ListAnswer

router = APIRouter(prefix="/applications", tags=["applications"])
SCHEMA_MEDIA_TYPE = "application/schema+json"
Name = Annotated[str, Path(max_length=64, examples=["hello"])]


@router.get(
    "", operation_id="listApplications", responses=problems.documented(problems.NOT_SIGNED_IN)
)
async def list_applications(
    panel: PanelDependency, _: CallerDependency
) -> ListAnswer[ApplicationAnswer]:
    """List the applications that can be deployed here."""
    async with panel.database.transaction() as tx:
        withheld = await panel.provider.withheld(tx)
    found = panel.offer.list_applications()
    items = tuple(ApplicationAnswer.of(it, withheld.get(it.name)) for it in found)
    return ListAnswer(items=items, next=None)


@router.get(
    "/{name}",
    operation_id="getApplication",
    responses=problems.documented(problems.NOT_SIGNED_IN, problems.NOT_FOUND),
)
async def get_application(
    name: Name, panel: PanelDependency, _: CallerDependency
) -> ApplicationAnswer:
    """Show one application."""
    async with panel.database.transaction() as tx:
        withheld = await panel.provider.withheld(tx)
    return ApplicationAnswer.of(_get(panel, name), withheld.get(name))


@router.get(
    "/{name}/schema",
    operation_id="getApplicationSchema",
    response_class=Response,
    responses=problems.documented(problems.NOT_SIGNED_IN, problems.NOT_FOUND)
    | {
        200: {"content": {SCHEMA_MEDIA_TYPE: {"example": examples.OPTIONS_SCHEMA}}},
        304: {"description": "It has not changed."},
    },
)
async def get_application_schema(
    name: Name,
    panel: PanelDependency,
    _: CallerDependency,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Show the JSON Schema of an application's options."""
    body = json.dumps(_get(panel, name).options_schema, ensure_ascii=False).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if if_none_match == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=SCHEMA_MEDIA_TYPE, headers=headers)


def _get(panel: Panel, name: str) -> Application:
    found = panel.offer.find(name)
    if found is None:
        raise errors.NotFoundError("application.not_found", "There is no such application here.")
    return found
