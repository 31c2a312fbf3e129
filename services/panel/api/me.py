"""Me: who the panel takes the caller for."""

from fastapi import APIRouter

from . import problems
from .dependencies import CallerDependency
from .schemas.me import Me

router = APIRouter(prefix="/me", tags=["me"])


@router.get("", operation_id="getMe", responses=problems.documented(problems.NOT_SIGNED_IN))
async def get_me(caller: CallerDependency) -> Me:
    """Show who you are, for which operator you act, and what your token may do."""
    return Me.model_validate(caller)
