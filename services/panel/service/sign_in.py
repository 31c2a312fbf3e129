"""Signing in: what somebody has to know or to have before a session begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors

from ..domain import codes
from ..domain.codes import Kind

if TYPE_CHECKING:
    from shared.database import Transaction

    from ..domain.sessions import Client
    from ..ports.people import SessionRegister
    from .sessions import Begun, Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Let people in by what proves who they are."""

    registered: SessionRegister
    sessions: Sessions

    async def by_code(self, tx: Transaction, text: str, client: Client) -> Begun:
        """Begin a session with a code that whoever runs the panel printed, used up by it.

        Raises:
            InvalidError: it opens nothing, be it unknown, used or too old.
        """
        code = codes.read(text, Kind.SIGN_IN)
        found = await self.registered.use_code(tx, codes.digest(code)) if code else None
        if found is None:
            reason = "is not valid: each works once and not for long"
            raise errors.InvalidError(
                "sign_in.code",
                "This sign-in link is not valid: each works once and not for long. Ask whoever "
                "runs this panel for a new one.",
                details={"code": reason},
            )
        return await self.sessions.begin(tx, *found, client, by="one-time link")
