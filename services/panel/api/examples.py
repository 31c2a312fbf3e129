"""Examples of every request and answer, as the OpenAPI document shows them."""

from typing import Any, Final

Example = dict[str, Any]
DEPLOYMENT_ID: Final = "01k9zq3m5ge4tv8r2w7x6y1abc"
RUN_ID: Final = "01k9zq3p7hf6sw9t4x8y2z3def"
BACKUP_ID: Final = "01k9zq3r8gf7sw0v5y2z3a4efg"
LATER_RUN_ID: Final = "01k9zq3n6ge5rv8s3w7x1y2bcd"
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
    "withheld": None,
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
    "leaving": [],
}
REVISION: Final[Example] = {
    "deployment": DEPLOYMENT_ID,
    "number": 1,
    "configuration": 1,
    "created_at": AT,
    "created_by": "Robin",
    "deployed_at": AT,
    "applications": [CONFIGURED],
}
CHANGES: Final[Example] = {
    "since": 1,
    "until": None,
    "changes": [
        {
            "application": "hello",
            "kind": "changed",
            "before": CONFIGURED,
            "after": CONFIGURED | {"options": {"title": "Garden", "languages": ["en", "de"]}},
            "options": [
                {
                    "path": ["title"],
                    "before": "Garden friends",
                    "after": "Garden",
                    "is_secret": False,
                }
            ],
        }
    ],
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
    "ailments": [],
    "ailing_at": None,
    "paused_at": None,
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
    "after": None,
    "backup": None,
    "failure": None,
    "receipt": None,
    "steps": [STEP],
}
BACKUP: Final[Example] = {
    "id": BACKUP_ID,
    "deployment": DEPLOYMENT_ID,
    "domain": "garden.example",
    "revision": 1,
    "state": "complete",
    "automatic": False,
    "created_at": AT,
    "taken_at": AT,
    "bytes": 104857600,
    "applications": [
        {
            "application": "microblog",
            "version": "1.0.0",
            "rows": 5210,
            "files": 12,
            "objects": 340,
            "bytes": 104857600,
            "not_included": ["rows of sessions"],
        }
    ],
    "run": BACKUP_ID,
}
RESTORE_QUESTION: Final[Example] = {"domain": "copy.garden.example"}
RESTORATION: Final[Example] = {
    "deployment": DEPLOYMENT_ID,
    "run": RUN
    | {
        "kind": "restore",
        "state": "queued",
        "revision": None,
        "started_at": None,
        "sequence": 1,
        "after": LATER_RUN_ID,
        "backup": BACKUP_ID,
        "steps": [],
    },
    "runs": [
        RUN_SUMMARY | {"id": LATER_RUN_ID, "kind": "backup"},
        RUN_SUMMARY | {"number": 2, "kind": "restore", "state": "queued", "revision": None},
    ],
    "warnings": [],
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
REPORT: Final = f"""\
A run, for the hosting provider
Secrets, names, e-mail addresses and IP addresses were taken out.

Run:          {RUN_ID} (number 1)
Kind:         deploy
State:        succeeded
Deployment:   {DEPLOYMENT_ID}
Revision:     1
Applications: hello 1.0.0

Steps
  provisioner image         succeeded   2026-11-21T09:30:00+00:00  4.2 s

Log
  2026-11-21T09:30:04+00:00  provisioner/image  ready at [IP address]
"""
