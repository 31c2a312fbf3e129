"""First credentials: how to sign in to applications for the first time, each password once."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Response
from pydantic import AfterValidator

from shared import errors

from . import examples, problems
from .dependencies import CallerDependency, PanelDependency, get_id
from .schemas.credentials import CredentialAnswer, RevealedCredentialAnswer
from .schemas.shape import ListAnswer

router = APIRouter(prefix="/deployments/{deployment}/credentials", tags=["credentials"])
Id = Annotated[str, AfterValidator(get_id), Path(examples=[examples.DEPLOYMENT_ID])]
Name = Annotated[str, Path(max_length=64, examples=["hello"])]
UNKEPT: Final = {"Cache-Control": "no-store"}
_REVEALED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The password, this once.",
        "headers": {
            "Cache-Control": {
                "description": "Nobody on the way may keep this answer.",
                "schema": {"type": "string", "const": UNKEPT["Cache-Control"]},
            }
        },
    }
}


def refuse_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Not taken here: what is answered under a key is kept for a day, which a "
            "password must not be. With a key the request is refused and nothing is revealed."
        ),
    ] = None,
) -> None:
    """Refuse to keep an answer that holds a password.

    Raises:
        InvalidError: a key came with the request.
    """
    if idempotency_key is not None:
        raise errors.InvalidError(
            "idempotency.refused",
            "A password is answered once and never kept, not even under an Idempotency-Key. "
            "Nothing was revealed. Ask again without the key.",
        )


@router.get("", operation_id="listCredentials", responses=problems.LOOKING)
async def list_credentials(
    deployment: Id, panel: PanelDependency, caller: CallerDependency
) -> ListAnswer[CredentialAnswer]:
    """List the first users of a deployment's applications, without their passwords."""
    async with panel.database.transaction() as tx:
        found = await panel.credentials.list_credentials(tx, caller, deployment)
    return ListAnswer(items=tuple(CredentialAnswer.of(it) for it in found), next=None)


@router.post(
    "/{application}/reveal",
    operation_id="revealCredential",
    responses=problems.LOOKING
    | problems.documented(problems.CONFLICT, problems.INVALID, problems.UNAVAILABLE)
    | _REVEALED,
    dependencies=[Depends(refuse_key)],
)
async def reveal_credential(
    deployment: Id,
    application: Name,
    panel: PanelDependency,
    caller: CallerDependency,
    response: Response,
) -> RevealedCredentialAnswer:
    """Reveal the first password of an application; this can be done once, then it is forgotten."""
    async with panel.database.transaction() as tx:
        found = await panel.credentials.reveal(tx, caller, deployment, application)
    response.headers.update(UNKEPT)
    return RevealedCredentialAnswer.revealing(found)
