"""Examples of tokens, sessions, people and the audit trail, as the OpenAPI document shows them."""

from typing import Final

from .examples import AT, DEPLOYMENT_ID, OPERATOR_ID, PERSON_ID, RUN_ID, Example

TOKEN_ID: Final = "01k9zq3y7qm2yc6b1d8e9f0mnp"  # noqa: S105 - an id
SESSION_ID: Final = "01k9zq3z8rn3zd7c2e9f0g1npq"
INVITATION_ID: Final = "01k9zq409sp4ze8d3f0g1h2pqr"
ENTRY_ID: Final = "01k9zq41atq5zf9e4g1h2j3qrs"

TOKEN_QUESTION: Final[Example] = {
    "name": "deploys from our repository",
    "scopes": ["deployments:read", "deployments:write"],
    "days": 90,
}
TOKEN: Final[Example] = {
    "id": TOKEN_ID,
    "name": "deploys from our repository",
    "person": PERSON_ID,
    "person_name": "Robin",
    "scopes": ["deployments:read", "deployments:write"],
    "created_at": AT,
    "expires_at": "2027-02-19T09:30:00Z",
    "last_used_at": None,
}
MADE_TOKEN: Final[Example] = TOKEN | {"token": "(shown once)"}
SESSION: Final[Example] = {
    "id": SESSION_ID,
    "operator": OPERATOR_ID,
    "created_at": AT,
    "seen_at": AT,
    "confirmed_at": AT,
    "address": "192.0.2.7",
    "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
}
MEMBER: Final[Example] = {
    "id": PERSON_ID,
    "name": "Robin",
    "email": "robin@garden.example",
    "role": "owner",
    "has_password": True,
    "has_second_factor": True,
    "since": AT,
}
ROLE_QUESTION: Final[Example] = {"role": "editor"}
INVITATION_QUESTION: Final[Example] = {"email": "kim@garden.example", "role": "editor"}
INVITATION: Final[Example] = INVITATION_QUESTION | {
    "id": INVITATION_ID,
    "invited_by": PERSON_ID,
    "inviter_name": "Robin",
    "created_at": AT,
    "expires_at": "2026-11-28T09:30:00Z",
}
MADE_INVITATION: Final[Example] = INVITATION | {"link": "(shown once)"}
ENTRY: Final[Example] = {
    "id": ENTRY_ID,
    "at": AT,
    "person": PERSON_ID,
    "person_name": "Robin",
    "token": None,
    "token_name": None,
    "action": "deploy.requested",
    "object": DEPLOYMENT_ID,
    "details": {"run": RUN_ID, "revision": "1"},
    "address": "192.0.2.7",
    "request": RUN_ID,
}
ANY_ENTRY: Final[Example] = ENTRY | {"operator": OPERATOR_ID, "operator_name": "Garden friends"}
