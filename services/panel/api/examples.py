"""Examples of every request and answer, as the OpenAPI document shows them."""

from typing import Any, Final

Example = dict[str, Any]
DEPLOYMENT_ID: Final = "01k9zq3m5ge4tv8r2w7x6y1abc"
RUN_ID: Final = "01k9zq3p7hf6sw9t4x8y2z3def"
LETTER_ID: Final = "01k9zq3s9jg8tx1v6y3z4a5ghj"
OPERATOR_ID: Final = "01k9zq2a1bc2de3fg4hj5km6np"
PERSON_ID: Final = "01k9zq2b3cd4ef5gh6jk7mn8pq"
AT: Final = "2026-11-21T09:30:00Z"

ME: Final[Example] = {
    "person": PERSON_ID,
    "person_name": "Robin",
    "operator": OPERATOR_ID,
    "operator_name": "Garden friends",
    "role": "owner",
    "scopes": ["deployments:read", "deployments:write"],
    "expires_at": None,
}
APPLICATION: Final[Example] = {
    "name": "hello",
    "title": "Hello",
    "description": "A greeting page with a visitors' book.",
    "versions": ["1.0.0"],
    "host_label": "hello",
    "immutable": [],
    "schema_url": "/api/v1/applications/hello/schema",
}
CONFIGURATION_QUESTION: Final[Example] = {
    "applications": [
        {"application": "hello", "options": {"title": "Garden friends", "languages": ["en", "de"]}}
    ]
}
DEPLOYMENT_QUESTION: Final[Example] = {"domain": "garden.example"} | CONFIGURATION_QUESTION
CONFIGURED: Final[Example] = {
    "application": "hello",
    "version": "1.0.0",
    "host": "hello.garden.example",
    "options": {"title": "Garden friends", "languages": ["en", "de"]},
    "secret_options": [],
}
CONFIGURATION: Final[Example] = {
    "deployment": DEPLOYMENT_ID,
    "staged": {"version": 1, "staged_at": AT, "applications": [CONFIGURED]},
    "deployed": None,
    "has_changes": True,
}
RUN_SUMMARY: Final[Example] = {
    "id": RUN_ID,
    "number": 1,
    "kind": "deploy",
    "state": "running",
    "revision": 1,
    "created_at": AT,
}
DEPLOYMENT: Final[Example] = {
    "id": DEPLOYMENT_ID,
    "domain": "garden.example",
    "status": "deploying",
    "version": 1,
    "deployed_revision": None,
    "applications": [{"application": "hello", "host": "hello.garden.example", "url": None}],
    "active_run": RUN_SUMMARY,
    "last_run": None,
    "created_at": AT,
    "removed_at": None,
}
STEP: Final[Example] = {
    "service": "provisioner",
    "name": "boot",
    "status": "running",
    "attempt": 1,
    "started_at": AT,
    "ended_at": None,
    "seconds": None,
    "done": None,
    "total": None,
    "unit": None,
}
RUN: Final[Example] = RUN_SUMMARY | {
    "deployment": DEPLOYMENT_ID,
    "started_at": AT,
    "ended_at": None,
    "seconds": None,
    "sequence": 7,
    "changed": None,
    "held_by": None,
    "retry_of": None,
    "failure": None,
    "receipt": None,
    "steps": [STEP],
}
EVENT: Final[Example] = {
    "id": 7,
    "event": "step",
    "data": {"at": AT, "service": "provisioner", "step": "boot", "status": "running", "attempt": 1},
}
STREAM: Final = (
    "retry: 1000\n\n"
    'id: 7\nevent: step\ndata: {"at": "2026-11-21T09:30:00Z", "service": "provisioner", '
    '"step": "boot", "status": "running", "attempt": 1}\n\n'
    'id: 8\nevent: end\ndata: {"at": "2026-11-21T09:30:20Z", "state": "succeeded"}\n\n'
)
CREDENTIAL: Final[Example] = {
    "application": "hello",
    "user": "admin",
    "url": "https://hello.garden.example",
    "revealed": False,
}
REVEALED_CREDENTIAL: Final[Example] = {
    "application": "hello",
    "user": "admin",
    "password": "(shown once)",
    "url": "https://hello.garden.example",
}
DEAD_LETTER: Final[Example] = {
    "id": LETTER_ID,
    "service": "storage",
    "event": "DeploymentRequested",
    "reason": "message.payload: operator: Field required",
    "state": "waiting",
    "deployment": DEPLOYMENT_ID,
    "run": RUN_ID,
    "message": "01k9zq3q1ab2cd3ef4gh5jk6mn",
    "announced_at": AT,
    "decided_at": None,
}
OPTIONS_SCHEMA: Final[Example] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {"title": {"type": "string", "maxLength": 80, "default": "Hello"}},
}
