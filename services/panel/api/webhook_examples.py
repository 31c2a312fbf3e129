"""Examples of webhooks and notifications, as the OpenAPI document shows them."""

from typing import Final

from shared.contracts.happenings import HappeningType, example

from .examples import AT, Example

ENDPOINT_ID: Final = "01k9zq3v2mh9vz3y8a5b6c7hjk"
DELIVERY_ID: Final = "01k9zq3w4nj0wa4z9b6c7d8jkm"
MESSAGE_ID: Final = "01k9zq3w4nj0wa4z9b6c7d8jkn"
NOTIFICATION_ID: Final = "01k9zq3x6pk1xb5a0c7d8e9kmn"

ENDPOINT_QUESTION: Final[Example] = {
    "url": "https://hooks.garden.example/fediversity",
    "types": ["run.failed", "run.succeeded"],
    "description": "Our chat room",
}
CHANGE_QUESTION: Final[Example] = {"types": ["run.failed"], "enabled": True}
ROTATION_QUESTION: Final[Example] = {"overlap_hours": 24}
ENDPOINT: Final[Example] = ENDPOINT_QUESTION | {
    "id": ENDPOINT_ID,
    "version": 1,
    "enabled": True,
    "created_at": AT,
    "failing_since": None,
    "disabled_at": None,
    "disabled_reason": "",
    "keys": [
        {
            "public_key": "whpk_ZmVkaXZlcnNpdHktZXhhbXBsZS1wdWJsaWMta2V5ISE=",
            "created_at": AT,
            "expires_at": None,
        }
    ],
}
ENDPOINT_SECRET: Final[Example] = ENDPOINT | {"secret": "(shown once)"}
DELIVERY: Final[Example] = {
    "id": DELIVERY_ID,
    "message": MESSAGE_ID,
    "type": "run.failed",
    "state": "waiting",
    "attempt": 1,
    "created_at": AT,
    "next_at": "2026-11-21T09:30:05Z",
    "last_at": AT,
    "answer": {"status": 500, "reason": "It answered 500.", "text": "Oops", "milliseconds": 41},
}
DELIVERY_DETAILS: Final[Example] = DELIVERY | {
    "body": example(HappeningType.RUN_FAILED).model_dump(mode="json", exclude_none=True)
}
NOTIFICATION: Final[Example] = {
    "id": NOTIFICATION_ID,
    "type": "run.failed",
    "title": "Deploying garden.example failed (run 1)",
    "why": "The disk is full.",
    "left": "Some of it may exist already, but no application runs yet.",
    "next": "Try again, or remove the deployment.",
    "data": example(HappeningType.RUN_FAILED).data.model_dump(mode="json", exclude_none=True),
    "created_at": AT,
    "read_at": None,
}
UNREAD: Final[Example] = {"unread": 3}
CHOICE: Final[Example] = {"topic": "run_succeeded", "channel": "email", "wanted": True}
CHOICES_QUESTION: Final[Example] = {"choices": [CHOICE]}
WANTED: Final[Example] = {
    "choices": [CHOICE],
    "email": "robin@garden.example",
    "sends_mail": True,
}
