"""Every error becomes one kind of problem document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.panel.api import problems
from services.panel.domain.identity import NotSignedInError
from shared import errors

SCOPE: dict[str, Any] = {"path": "/api/v1/deployments", "state": {"request_id": "r1"}}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidError("a.b"), 422),
        (errors.NotFoundError("a.b"), 404),
        (errors.ConflictError("a.b"), 409),
        (errors.ForbiddenError("a.b"), 403),
        (NotSignedInError("a.b"), 401),
        (errors.QuotaExceededError("a.b"), 409),
        (errors.UnavailableError("a.b"), 503),
        (errors.FaultError("a.b"), 500),
        (errors.CommandError(("nix",), 1, "no"), 500),
    ],
)
def test_an_error_has_one_status(error: errors.HostingError, status: int) -> None:
    assert problems.kind_of(error).status == status


def test_a_document_names_the_place_of_each_mistake() -> None:
    answer = problems.document(
        SCOPE,
        problems.INVALID,
        "Two errors.",
        code="x.y",
        hints=problems.Hints(pointed={"domain": "a", "/b/0": "c"}),
    )

    assert answer.media_type == "application/problem+json"
    assert json.loads(bytes(answer.body)) == {
        "type": "/problems/invalid",
        "title": "The request has errors",
        "status": 422,
        "detail": "Two errors.",
        "instance": "/api/v1/deployments",
        "code": "x.y",
        "request_id": "r1",
        "errors": [{"pointer": "/domain", "detail": "a"}, {"pointer": "/b/0", "detail": "c"}],
    }


def test_a_document_spells_out_what_utf_8_cannot_hold() -> None:
    pointed = {"/\ud800": "no \udfff"}

    answer = problems.document(
        SCOPE, problems.INVALID, "no \ud800.", hints=problems.Hints(pointed=pointed)
    )

    found = json.loads(bytes(answer.body))
    assert found["detail"] == r"no \ud800."
    assert found["errors"] == [{"pointer": r"/\ud800", "detail": r"no \udfff"}]


def test_kinds_are_told_apart_by_name() -> None:
    assert len({it.name for it in problems.KINDS}) == len(problems.KINDS)
