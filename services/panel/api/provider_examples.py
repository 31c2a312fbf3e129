"""Examples of the hosting provider's requests and answers."""

from typing import Final

from .examples import AT, DEPLOYMENT_ID, LETTER_ID, OPERATOR_ID, RUN_SUMMARY, Example

QUOTA_QUESTION: Final[Example] = {
    "deployments": 3,
    "applications": 6,
    "storage_gib": 200,
    "backups": 20,
}
OPERATOR: Final[Example] = {
    "id": OPERATOR_ID,
    "name": "Garden friends",
    "created_at": AT,
    "quota": QUOTA_QUESTION | {"version": 1},
    "usage": {"deployments": 1, "applications": 2, "storage_gib": 24, "backups": 4},
}
TROUBLED_RUN: Final[Example] = RUN_SUMMARY | {
    "trouble": "held",
    "operator": OPERATOR_ID,
    "operator_name": "Garden friends",
    "deployment": DEPLOYMENT_ID,
    "domain": "garden.example",
    "held_by": LETTER_ID,
    "started_at": AT,
    "ended_at": None,
    "why": None,
}
HOUSED: Final[Example] = {
    "id": DEPLOYMENT_ID,
    "operator": OPERATOR_ID,
    "operator_name": "Garden friends",
    "domain": "garden.example",
    "machines": [
        {
            "machine": f"fdv-{DEPLOYMENT_ID}-1",
            "applications": ["hello"],
            "ssh_address": "192.0.2.10:22",
            "http_address": "192.0.2.10:8080",
            "told_at": AT,
        }
    ],
}
WITHHOLD_QUESTION: Final[Example] = {"reason": "A security fix is being tested."}
CATALOGUED: Final[Example] = {
    "name": "hello",
    "title": "Hello",
    "versions": ["1.0.0"],
    "is_offered": False,
    "reason": "A security fix is being tested.",
}
NOTICE_QUESTION: Final[Example] = {"message": "Machines restart tonight between 2:00 and 3:00."}
NOTICE: Final[Example] = NOTICE_QUESTION | {"set_at": AT}
