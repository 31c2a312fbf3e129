"""Visitors: who is signed in, by the cookie that came with a request.

async def show(visitor: VisitorDependency) -> …       signed in, or led to the sign-in page
async def remove(visitor: RecentDependency) -> …      and proved a moment ago who it is
"""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.responses import Response

from ..domain.identity import Caller
from ..domain.sessions import Client, KnownSession, Session
from ..service.panel import Panel  # noqa: TC001 - as in every module of routes
from .headers import REQUEST_ID
from .languages import personal, speak
from .shell import Shell, surround

COOKIE: Final = "__Host-session"
LONGEST_AGENT: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A person who is signed in, and the session."""

    caller: Caller
    session: Session


async def get_client(request: Request) -> Client:
    """Return where a request comes from, as far as that can be seen."""
    agent = request.headers.get("user-agent", "")
    shown = "".join(it for it in agent if it.isprintable())[:LONGEST_AGENT]
    return Client(
        address=request.client.host if request.client else None,
        agent=shown or None,
        request=request.scope.get("state", {}).get(REQUEST_ID),
        code=request.cookies.get(COOKIE),
    )


ClientDependency = Annotated[Client, Depends(get_client)]


async def get_known(request: Request, client: ClientDependency) -> KnownSession:
    """Return the session of a request.

    Raises:
        SessionEndedError: nobody is signed in.
    """
    panel: Panel = request.app.state.panel
    async with panel.database.transaction() as tx:
        return await panel.sessions.resume(tx, client.code)


KnownDependency = Annotated[KnownSession, Depends(get_known)]


async def get_visitor(
    request: Request, known: KnownDependency, client: ClientDependency
) -> Visitor:
    """Return who is signed in, and surround the page with that.

    Raises:
        SessionEndedError: nobody is.
    """
    caller = known.caller.seen_at(client.address, client.request)
    panel: Panel = request.app.state.panel
    async with panel.database.transaction() as tx:
        unread = await panel.notifications.count_unread(tx, caller)
    surround(
        request,
        Shell(
            person=caller.person_name,
            operator=caller.operator_name,
            is_provider=known.is_provider,
            unread=unread,
        ),
    )
    if known.language or known.time_zone:
        speak(personal(known.language, known.time_zone))
    return Visitor(caller=caller, session=known.session)


VisitorDependency = Annotated[Visitor, Depends(get_visitor)]


async def get_recent(known: KnownDependency, visitor: VisitorDependency) -> Visitor:
    """Return who is signed in and proved a moment ago who it is.

    Raises:
        ConfirmationNeededError: that was too long ago.
    """
    known.session.require_recent(known.now)
    return visitor


RecentDependency = Annotated[Visitor, Depends(get_recent)]


def remember(response: Response, code: str) -> None:
    """Give a browser its session; no script can read it, no other host gets it."""
    response.set_cookie(COOKIE, code, path="/", secure=True, httponly=True, samesite="lax")


def forget(response: Response) -> None:
    """Take a browser's session away."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
