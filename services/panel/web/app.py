"""The pages, put together, and the fork that leads requests to them or to the REST interface."""

from typing import Final

from fastapi import FastAPI
from fastapi.responses import RedirectResponse
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ..service.panel import Panel
from . import failures, rendering
from .dependencies import see_other
from .headers import SecurityHeaders
from .languages import Speaking
from .pages import (
    account,
    acting,
    activity,
    applications,
    backups,
    configuration,
    credentials,
    dead_letters,
    deployments,
    domains,
    draft_forms,
    drafts,
    interventions,
    invitations,
    language,
    notifications,
    operators,
    people,
    provider,
    provider_activity,
    revisions,
    runs,
    sign_in,
    tokens,
    webhooks,
)
from .places import HOME
from .requests import OwnRequests
from .shell import Site
from .statics import Statics
from .ways import Ways

REST: Final = ("/api/", "/problems/")
ROUTERS: Final = (
    sign_in.router,
    language.router,
    account.router,
    acting.router,
    tokens.router,
    people.router,
    invitations.router,
    activity.router,
    drafts.router,
    draft_forms.router,
    deployments.router,
    revisions.router,
    configuration.router,
    applications.router,
    interventions.router,
    credentials.router,
    runs.router,
    backups.router,
    domains.router,
    provider.router,
    operators.router,
    provider_activity.router,
    dead_letters.router,
    notifications.router,
    webhooks.router,
)
"""The pages by subject; of two that fit an address the first one answers."""


class Fork:
    """Leads what programs ask for to the REST interface, and everything else to the pages."""

    def __init__(self, pages: ASGIApp, rest: ASGIApp) -> None:
        self._pages = pages
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        is_rest = f"{scope.get('path', '')}/".startswith(REST)
        await (self._rest if is_rest else self._pages)(scope, receive, send)


def create_app(panel: Panel, rest: ASGIApp, site: Site) -> ASGIApp:
    """Return the pages of a panel, with its REST interface beside them."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"metrics": False, "logs": False, "operation_spans": False, "exclude": _is_quiet},
        middleware=[Middleware(SecurityHeaders), Middleware(Speaking), Middleware(OwnRequests)],
    )
    statics = Statics()
    app.state.panel = panel
    app.state.pages = rendering.load(statics, site)
    app.state.ways = Ways(ROUTERS)
    app.add_route("/static/{name:path}", statics.serve, methods=["GET", "HEAD"])
    app.add_api_route("/", go_home, response_model=None)
    for router in ROUTERS:
        app.include_router(router)
    failures.install(app)
    return Fork(app, rest)


async def go_home() -> RedirectResponse:
    """Lead to the page that a person begins with."""
    return see_other(HOME)


def _is_quiet(scope: Scope) -> bool:
    """Say whether a request needs no span: it only looks, and belongs to no run's trace."""
    return str(scope.get("method")) in failures.LOOKING
