"""Every route of the panel, and what is answered to whoever may not: written by hand.

A route that is not in its table fails a test, and so does an answer that differs. Whoever adds a
route adds a line, and thinks about each column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi.routing import APIRoute

from services.panel.api.app import create_documented_app
from services.panel.api.rates import Rates
from services.panel.web.app import ROUTERS
from services.panel.web.visitors import get_recent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import APIRouter
    from fastapi.dependencies.models import Dependant

Answers = tuple[object, ...]
SIGN_IN: Final = "sign in"
"""Led to the page where one signs in."""
CONFIRM: Final = "confirm"
"""Led to the page where one proves who one is."""

BODY = {"domain": "x.localhost", "applications": [{"application": "hello"}]}
STAGED = {"applications": [{"application": "hello"}]}
ENDPOINT = {"url": "http://127.0.0.1:9999/hook"}
CHOICES = {"choices": [{"topic": "health", "channel": "bell", "wanted": True}]}

# Route → status for: nobody, an expired token, another operator, without the scope, a viewer.
REST: Final[Mapping[str, Answers]] = {
    "GET /api/v1/me": (401, 401, 200, 200, 200),
    "GET /api/v1/applications": (401, 401, 200, 200, 200),
    "GET /api/v1/applications/{name}": (401, 401, 200, 200, 200),
    "GET /api/v1/applications/{name}/schema": (401, 401, 200, 200, 200),
    "GET /api/v1/deployments": (401, 401, 200, 403, 200),
    "POST /api/v1/deployments": (401, 401, 409, 403, 403),
    "GET /api/v1/deployments/{deployment}": (401, 401, 404, 403, 200),
    "DELETE /api/v1/deployments/{deployment}": (401, 401, 404, 403, 403),
    "GET /api/v1/deployments/{deployment}/configuration": (401, 401, 404, 403, 200),
    "POST /api/v1/deployments/{deployment}/configuration": (401, 401, 404, 403, 403),
    "GET /api/v1/deployments/{deployment}/configuration/changes": (401, 401, 404, 403, 200),
    "POST /api/v1/deployments/{deployment}/configuration/discard": (401, 401, 404, 403, 403),
    "GET /api/v1/deployments/{deployment}/revisions": (401, 401, 404, 403, 200),
    "GET /api/v1/deployments/{deployment}/revisions/{number}": (401, 401, 404, 403, 200),
    "GET /api/v1/deployments/{deployment}/revisions/{number}/changes": (401, 401, 404, 403, 200),
    "POST /api/v1/deployments/{deployment}/revisions/{number}/deploy": (401, 401, 404, 403, 403),
    "POST /api/v1/deployments/{deployment}/deploy": (401, 401, 404, 403, 403),
    "POST /api/v1/deployments/{deployment}/pause": (401, 401, 404, 403, 403),
    "POST /api/v1/deployments/{deployment}/resume": (401, 401, 404, 403, 403),
    "POST /api/v1/deployments/{deployment}/restart": (401, 401, 404, 403, 403),
    "GET /api/v1/deployments/{deployment}/backups": (401, 401, 404, 403, 200),
    "POST /api/v1/deployments/{deployment}/backups": (401, 401, 404, 403, 403),
    "GET /api/v1/backups": (401, 401, 200, 403, 200),
    "GET /api/v1/backups/{backup}": (401, 401, 404, 403, 200),
    "DELETE /api/v1/backups/{backup}": (401, 401, 404, 403, 403),
    "POST /api/v1/backups/{backup}/restore": (401, 401, 404, 403, 403),
    "GET /api/v1/deployments/{deployment}/credentials": (401, 401, 404, 403, 200),
    "POST /api/v1/deployments/{deployment}/credentials/{application}/reveal": (
        401,
        401,
        404,
        403,
        403,
    ),
    "GET /api/v1/deployments/{deployment}/runs": (401, 401, 404, 403, 200),
    "GET /api/v1/runs/{run}": (401, 401, 404, 403, 200),
    "GET /api/v1/runs/{run}/events": (401, 401, 404, 403, 200),
    "GET /api/v1/runs/{run}/report": (401, 401, 404, 403, 200),
    "POST /api/v1/runs/{run}/cancel": (401, 401, 404, 403, 403),
    "POST /api/v1/runs/{run}/retry": (401, 401, 404, 403, 403),
    "GET /api/v1/domains": (401, 401, 200, 403, 200),
    "GET /api/v1/domains/{domain}": (401, 401, 404, 403, 200),
    "POST /api/v1/domains/{domain}/checks": (401, 401, 404, 403, 403),
    "GET /api/v1/notifications": (401, 401, 200, 403, 200),
    "GET /api/v1/notifications/unread": (401, 401, 200, 403, 200),
    "POST /api/v1/notifications/read": (401, 401, 204, 403, 204),
    "POST /api/v1/notifications/{notification}/read": (401, 401, 404, 403, 404),
    "GET /api/v1/notifications/choices": (401, 401, 200, 403, 200),
    "PATCH /api/v1/notifications/choices": (401, 401, 200, 403, 200),
    # The address of an endpoint may be a secret: who may not change it does not see it.
    "GET /api/v1/webhook-endpoints": (401, 401, 200, 403, 403),
    "POST /api/v1/webhook-endpoints": (401, 401, 201, 403, 403),
    "GET /api/v1/webhook-endpoints/{endpoint}": (401, 401, 404, 403, 403),
    "PATCH /api/v1/webhook-endpoints/{endpoint}": (401, 401, 404, 403, 403),
    "DELETE /api/v1/webhook-endpoints/{endpoint}": (401, 401, 404, 403, 403),
    "POST /api/v1/webhook-endpoints/{endpoint}/rotate": (401, 401, 404, 403, 403),
    "POST /api/v1/webhook-endpoints/{endpoint}/test": (401, 401, 404, 403, 403),
    "GET /api/v1/webhook-endpoints/{endpoint}/deliveries": (401, 401, 404, 403, 403),
    "GET /api/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}": (401, 401, 404, 403, 403),
    "POST /api/v1/webhook-endpoints/{endpoint}/deliveries/{delivery}/resend": (
        401,
        401,
        404,
        403,
        403,
    ),
    "GET /api/v1/notice": (401, 401, 200, 200, 200),
    "GET /api/v1/provider/operators": (401, 401, 403, 403, 403),
    "GET /api/v1/provider/operators/{operator}": (401, 401, 403, 403, 403),
    "PUT /api/v1/provider/operators/{operator}/quota": (401, 401, 403, 403, 403),
    "GET /api/v1/provider/runs": (401, 401, 403, 403, 403),
    "GET /api/v1/provider/machines": (401, 401, 403, 403, 403),
    "GET /api/v1/provider/audit-events": (401, 401, 403, 403, 403),
    "PUT /api/v1/provider/applications/{name}/withheld": (401, 401, 403, 403, 403),
    "DELETE /api/v1/provider/applications/{name}/withheld": (401, 401, 403, 403, 403),
    "PUT /api/v1/provider/notice": (401, 401, 403, 403, 403),
    "DELETE /api/v1/provider/notice": (401, 401, 403, 403, 403),
    "GET /api/v1/tokens": (401, 401, 200, 403, 200),
    "POST /api/v1/tokens": (401, 401, 201, 403, 201),
    "GET /api/v1/tokens/{token}": (401, 401, 404, 403, 404),
    "DELETE /api/v1/tokens/{token}": (401, 401, 404, 403, 404),
    "GET /api/v1/sessions": (401, 401, 200, 403, 200),
    "DELETE /api/v1/sessions": (401, 401, 204, 403, 204),
    "DELETE /api/v1/sessions/{session}": (401, 401, 404, 403, 404),
    "GET /api/v1/people": (401, 401, 200, 403, 200),
    "PUT /api/v1/people/{person}/role": (401, 401, 404, 403, 403),
    "DELETE /api/v1/people/{person}": (401, 401, 404, 403, 403),
    "GET /api/v1/invitations": (401, 401, 200, 403, 403),
    "POST /api/v1/invitations": (401, 401, 201, 403, 403),
    "DELETE /api/v1/invitations/{invitation}": (401, 401, 404, 403, 403),
    "GET /api/v1/audit-events": (401, 401, 200, 403, 200),
    "GET /api/v1/dead-letters": (401, 401, 403, 403, 403),
    "GET /api/v1/dead-letters/{letter}": (401, 401, 403, 403, 403),
    "POST /api/v1/dead-letters/{letter}/replay": (401, 401, 403, 403, 403),
    "POST /api/v1/dead-letters/{letter}/discard": (401, 401, 403, 403, 403),
}
BODIES: Final[dict[str, object]] = {
    "POST /api/v1/deployments/{deployment}/configuration": STAGED,
    "POST /api/v1/backups/{backup}/restore": {},
    "PUT /api/v1/provider/operators/{operator}/quota": {},
    "PUT /api/v1/provider/applications/{name}/withheld": {"reason": "x"},
    "PATCH /api/v1/notifications/choices": CHOICES,
    "POST /api/v1/webhook-endpoints": ENDPOINT,
    "PATCH /api/v1/webhook-endpoints/{endpoint}": {"enabled": False},
    "POST /api/v1/webhook-endpoints/{endpoint}/rotate": {},
    "PUT /api/v1/provider/notice": {"message": "x"},
    "POST /api/v1/tokens": {"name": "x", "scopes": ["deployments:read"]},
    "POST /api/v1/invitations": {"email": "kim@garden.example", "role": "viewer"},
    "PUT /api/v1/people/{person}/role": {"role": "viewer"},
}
# Route → answer for: nobody, an owner of another operator, a viewer of the same one.
PAGES: Final[Mapping[str, Answers]] = {
    "GET /sign-in": (200, 200, 200),
    "POST /sign-in": (422, 422, 422),
    "GET /sign-in/code": (SIGN_IN, SIGN_IN, SIGN_IN),
    "POST /sign-in/code": (SIGN_IN, SIGN_IN, SIGN_IN),
    "GET /sign-in/once": (200, 200, 200),
    "POST /sign-in/once": (422, 422, 422),
    "POST /language": (303, 303, 303),
    "POST /sign-out": (303, 303, 303),
    "GET /confirm": (SIGN_IN, 200, 200),
    "POST /confirm": (SIGN_IN, 422, 422),
    "GET /account": (303, 303, 303),
    "GET /account/profile": (SIGN_IN, 200, 200),
    "POST /account/profile": (SIGN_IN, 422, 422),
    "POST /account/operator": (SIGN_IN, 404, 404),
    "GET /for/{operator}": (SIGN_IN, 404, 303),
    "POST /for/{operator}": (SIGN_IN, 404, 303),
    "GET /account/security": (SIGN_IN, 200, 200),
    "GET /account/password": (SIGN_IN, 200, 200),
    "POST /account/password": (SIGN_IN, 422, 422),
    "GET /account/app": (SIGN_IN, 200, 200),
    "POST /account/app": (SIGN_IN, 409, 409),
    "GET /account/app/remove": (SIGN_IN, 200, 200),
    "POST /account/app/remove": (SIGN_IN, 303, 303),
    "GET /account/recovery-codes": (SIGN_IN, 303, 303),
    "POST /account/recovery-codes": (SIGN_IN, 409, 409),
    "POST /account/sessions/end-others": (SIGN_IN, 303, 303),
    "POST /account/sessions/{session}/end": (SIGN_IN, 404, 404),
    "GET /account/tokens": (SIGN_IN, 200, 200),
    "GET /account/tokens/new": (SIGN_IN, 200, 200),
    "POST /account/tokens": (SIGN_IN, 422, 422),
    "GET /account/tokens/{token}/revoke": (SIGN_IN, 404, 404),
    "POST /account/tokens/{token}/revoke": (SIGN_IN, 404, 404),
    "GET /people": (SIGN_IN, 200, 200),
    "GET /people/invite": (SIGN_IN, 200, 403),
    "GET /people/invitations": (303, 303, 303),
    "POST /people/invitations": (SIGN_IN, 422, 403),
    "POST /people/invitations/{invitation}/revoke": (SIGN_IN, 404, 403),
    "GET /people/{person}": (SIGN_IN, 404, 404),
    "POST /people/{person}/role": (SIGN_IN, 404, 403),
    "POST /people/{person}/remove": (SIGN_IN, 404, 403),
    "GET /invitation": (200, 200, 200),
    "POST /invitation": (422, 422, 422),
    "POST /invitation/join": (SIGN_IN, 422, 422),
    "POST /invitation/accept": (422, 422, 422),
    "GET /activity": (SIGN_IN, 200, 200),
    "GET /activity/export": (SIGN_IN, 200, 200),
    "GET /deployments/new": (SIGN_IN, 200, 403),
    "POST /deployments/new": (SIGN_IN, 422, 403),
    "GET /drafts/{draft}": (SIGN_IN, 404, 403),
    "GET /drafts/{draft}/domain": (SIGN_IN, 404, 403),
    "POST /drafts/{draft}/domain": (SIGN_IN, 404, 403),
    "GET /drafts/{draft}/applications": (SIGN_IN, 404, 403),
    "POST /drafts/{draft}/applications": (SIGN_IN, 404, 403),
    "GET /drafts/{draft}/applications/{name}": (SIGN_IN, 404, 403),
    "POST /drafts/{draft}/applications/{name}": (SIGN_IN, 404, 403),
    "POST /drafts/{draft}/applications/{name}/keep": (SIGN_IN, 404, 403),
    "GET /drafts/{draft}/check": (SIGN_IN, 404, 403),
    "GET /drafts/{draft}/discard": (SIGN_IN, 404, 403),
    "POST /drafts/{draft}/discard": (SIGN_IN, 404, 403),
    "POST /drafts/{draft}/deploy": (SIGN_IN, 404, 403),
    "GET /applications": (SIGN_IN, 200, 200),
    "GET /applications/{name}": (SIGN_IN, 200, 200),
    "GET /deployments": (SIGN_IN, 200, 200),
    "GET /deployments/{deployment}": (SIGN_IN, 404, 200),
    "POST /deployments/{deployment}/deploy": (SIGN_IN, 404, 403),
    "GET /deployments/{deployment}/configuration": (SIGN_IN, 404, 200),
    "GET /deployments/{deployment}/configuration/review": (SIGN_IN, 404, 200),
    "GET /deployments/{deployment}/configuration/add": (SIGN_IN, 404, 403),
    "GET /deployments/{deployment}/configuration/discard": (SIGN_IN, 404, 403),
    "POST /deployments/{deployment}/configuration/discard": (SIGN_IN, 404, 403),
    "GET /deployments/{deployment}/configuration/applications/{name}": (SIGN_IN, 404, 403),
    "POST /deployments/{deployment}/configuration/applications/{name}": (SIGN_IN, 404, 403),
    "GET /deployments/{deployment}/configuration/applications/{name}/remove": (SIGN_IN, 404, 403),
    "POST /deployments/{deployment}/configuration/applications/{name}/remove": (SIGN_IN, 404, 403),
    "GET /deployments/{deployment}/revisions": (SIGN_IN, 404, 200),
    "GET /deployments/{deployment}/revisions/{number}": (SIGN_IN, 404, 200),
    "POST /deployments/{deployment}/revisions/{number}/deploy": (SIGN_IN, 404, 403),
    "GET /deployments/{deployment}/restart": (SIGN_IN, 404, 403),
    "POST /deployments/{deployment}/restart": (SIGN_IN, 404, 403),
    "GET /deployments/{deployment}/pause": (SIGN_IN, 404, 403),
    "POST /deployments/{deployment}/pause": (SIGN_IN, 404, 403),
    "POST /deployments/{deployment}/resume": (SIGN_IN, 404, 403),
    "GET /deployments/{deployment}/remove": (SIGN_IN, 404, 403),
    "POST /deployments/{deployment}/remove": (SIGN_IN, 404, 403),
    "GET /deployments/{deployment}/credentials/{application}": (SIGN_IN, 404, 403),
    "POST /deployments/{deployment}/credentials/{application}": (SIGN_IN, 404, 403),
    "GET /deployments/{deployment}/runs": (SIGN_IN, 404, 200),
    "GET /runs": (SIGN_IN, 200, 200),
    "GET /runs/{run}": (SIGN_IN, 404, 200),
    "GET /runs/{run}/live": (SIGN_IN, 404, 200),
    "GET /runs/{run}/report": (SIGN_IN, 404, 200),
    "GET /runs/{run}/cancel": (SIGN_IN, 404, 403),
    "POST /runs/{run}/cancel": (SIGN_IN, 404, 403),
    "POST /runs/{run}/retry": (SIGN_IN, 404, 403),
    "GET /runs/{run}/repeat": (SIGN_IN, 404, 403),
    "POST /runs/{run}/repeat": (SIGN_IN, 404, 403),
    "GET /deployments/{deployment}/backups": (SIGN_IN, 404, 200),
    "POST /deployments/{deployment}/backups": (SIGN_IN, 404, 403),
    "GET /backups": (SIGN_IN, 200, 200),
    "GET /backups/{backup}": (SIGN_IN, 404, 200),
    "GET /backups/{backup}/restore": (SIGN_IN, 404, 403),
    "POST /backups/{backup}/restore/check": (SIGN_IN, 404, 403),
    "POST /backups/{backup}/restore": (SIGN_IN, 404, 403),
    "GET /backups/{backup}/remove": (SIGN_IN, 404, 403),
    "POST /backups/{backup}/remove": (SIGN_IN, 404, 403),
    "GET /account/notifications": (SIGN_IN, 200, 200),
    "POST /account/notifications/read": (SIGN_IN, 303, 303),
    "POST /account/notifications/choices": (SIGN_IN, 303, 303),
    "POST /account/notifications/{notification}/read": (SIGN_IN, 404, 404),
    "GET /settings/webhooks": (SIGN_IN, 200, 403),
    "GET /settings/webhooks/new": (SIGN_IN, 200, 403),
    "POST /settings/webhooks/new": (SIGN_IN, 422, 403),
    "GET /settings/webhooks/{endpoint}": (SIGN_IN, 404, 403),
    "GET /settings/webhooks/{endpoint}/edit": (SIGN_IN, 404, 403),
    "POST /settings/webhooks/{endpoint}/edit": (SIGN_IN, 404, 403),
    "POST /settings/webhooks/{endpoint}/test": (SIGN_IN, 404, 403),
    "POST /settings/webhooks/{endpoint}/enable": (SIGN_IN, 404, 403),
    "POST /settings/webhooks/{endpoint}/disable": (SIGN_IN, 404, 403),
    "GET /settings/webhooks/{endpoint}/rotate": (SIGN_IN, 404, 403),
    "POST /settings/webhooks/{endpoint}/rotate": (SIGN_IN, 404, 403),
    "GET /settings/webhooks/{endpoint}/remove": (SIGN_IN, 404, 403),
    "POST /settings/webhooks/{endpoint}/remove": (SIGN_IN, 404, 403),
    "GET /settings/webhooks/{endpoint}/deliveries/{delivery}": (SIGN_IN, 404, 403),
    "POST /settings/webhooks/{endpoint}/deliveries/{delivery}/resend": (SIGN_IN, 404, 403),
    "GET /domains": (SIGN_IN, 200, 200),
    "GET /domains/{domain}": (SIGN_IN, 404, 200),
    "POST /domains/{domain}/check": (SIGN_IN, 404, 403),
    "GET /provider": (SIGN_IN, 403, 403),
    "GET /provider/machines": (SIGN_IN, 403, 403),
    "GET /provider/applications": (SIGN_IN, 403, 403),
    "GET /provider/applications/{name}/withhold": (SIGN_IN, 403, 403),
    "POST /provider/applications/{name}/withhold": (SIGN_IN, 403, 403),
    "POST /provider/applications/{name}/offer": (SIGN_IN, 403, 403),
    "GET /provider/notice": (SIGN_IN, 403, 403),
    "POST /provider/notice": (SIGN_IN, 403, 403),
    "POST /provider/notice/withdraw": (SIGN_IN, 403, 403),
    "GET /provider/operators": (SIGN_IN, 403, 403),
    "GET /provider/operators/{operator}": (SIGN_IN, 403, 403),
    "POST /provider/operators/{operator}/quota": (SIGN_IN, 403, 403),
    "GET /provider/activity": (SIGN_IN, 403, 403),
    "GET /provider/activity/export": (SIGN_IN, 403, 403),
    "GET /provider/dead-letters": (SIGN_IN, 403, 403),
    "GET /provider/dead-letters/{letter}": (SIGN_IN, 403, 403),
    "POST /provider/dead-letters/{letter}/replay": (SIGN_IN, 403, 403),
    "GET /provider/dead-letters/{letter}/discard": (SIGN_IN, 403, 403),
    "POST /provider/dead-letters/{letter}/discard": (SIGN_IN, 403, 403),
}
# Who proved longer ago who it is has to do so again before any of these.
PROVEN: Final = frozenset(
    {
        "GET /deployments/{deployment}/remove",
        "POST /deployments/{deployment}/remove",
        "GET /deployments/{deployment}/credentials/{application}",
        "POST /deployments/{deployment}/credentials/{application}",
        "GET /backups/{backup}/restore",
        "POST /backups/{backup}/restore",
        "GET /backups/{backup}/remove",
        "POST /backups/{backup}/remove",
        "GET /runs/{run}/repeat",
        "POST /runs/{run}/repeat",
        "POST /provider/dead-letters/{letter}/discard",
        "GET /settings/webhooks/{endpoint}/rotate",
        "POST /settings/webhooks/{endpoint}/rotate",
        "GET /settings/webhooks/{endpoint}/remove",
        "POST /settings/webhooks/{endpoint}/remove",
        "GET /account/password",
        "POST /account/password",
        "GET /account/app",
        "POST /account/app",
        "GET /account/app/remove",
        "POST /account/app/remove",
        "GET /account/recovery-codes",
        "POST /account/recovery-codes",
        "GET /account/tokens/new",
        "POST /account/tokens",
        "GET /people/invite",
        "POST /people/invitations",
        "POST /people/{person}/role",
        "POST /people/{person}/remove",
    }
)
FORMS: Final[Mapping[str, Mapping[str, str]]] = {
    "POST /provider/operators/{operator}/quota": {"version": "0"},
    "POST /people/{person}/role": {"role": "viewer"},
}
"""What a form cannot be sent without."""


def rest_routes() -> set[str]:
    """Return the routes of the REST interface, as its document lists them."""
    paths = create_documented_app(Rates()).openapi()["paths"]
    return {f"{method.upper()} {path}" for path, it in paths.items() for method in it}


def page_routes(routers: Sequence[APIRouter] = ROUTERS) -> dict[str, bool]:
    """Return the routes of the pages, and whether each wants to know anew who somebody is."""
    return {
        f"{method} {route.path}": _asks_for(route.dependant, get_recent)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    }


def differences(seen: Mapping[str, Answers], table: Mapping[str, Answers]) -> list[str]:
    """Say where what was seen is not what the table says."""
    return [
        f"{route}: {seen.get(route, 'is not there')}, expected {table.get(route, 'no such route')}"
        for route in sorted({*seen, *table})
        if seen.get(route) != table.get(route)
    ]


def _asks_for(dependant: Dependant, wanted: object) -> bool:
    return any(it.call is wanted or _asks_for(it, wanted) for it in dependant.dependencies)
