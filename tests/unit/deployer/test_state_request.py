"""What machines are asked about an application's state."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from services.deployer.service.state_request import StateRequest, has_state
from shared import errors
from shared.catalogue.application import StateDatabase, StatePath
from shared.contracts.deployments import Doors
from shared.contracts.state import Staging
from tests.support.deployments import RUN, a_bucket, a_machine, applications
from tests.support.modules import imported
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from shared.catalogue import Application

GOLDEN = ROOT / "tests/unit/deployer/golden/state.json"
MODULES = ("failures", "fields", "request")
DATABASE = StateDatabase(
    name="microblog",
    engine="postgresql",
    collation="C",
    excluded_tables=("sessions", "seen_signatures"),
    truncate_after_restore=("sessions",),
)
PATH = StatePath(path="avatars", owner="app-microblog", excludes=("*.half",))


def a_package(*paths: StatePath) -> Application:
    """Return the microblog as if this were its state."""
    package = applications().get("microblog")
    changes = {"databases": (DATABASE,), "paths": paths or (PATH,)}
    return package.model_copy(update={"state": package.state.model_copy(update=changes)})


MICROBLOG = a_package()
ASKED = StateRequest(
    application="microblog",
    version="1.0.0",
    export=RUN,
    staging=Staging(granted=a_bucket(), prefixes={"microblog": "state/microblog"}),
    secret_key="the-key",  # noqa: S106 - of no bucket
    files_password="the password",  # noqa: S106 - of no files
    sha256="0" * 64,
)


def document(package: Application = MICROBLOG, request: StateRequest = ASKED) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.document(package, a_machine()))
    return found


@pytest.fixture
def program() -> Iterator[dict[str, Any]]:
    """Yield the modules of the program that is asked."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    with imported(ROOT / "nix/state", MODULES) as found:
        yield found
    sys.dont_write_bytecode = before


def test_a_package_renders_to_what_is_on_record() -> None:
    assert document() == json.loads(GOLDEN.read_text())


def test_the_program_takes_what_it_is_asked(program: dict[str, Any]) -> None:
    text = ASKED.document(MICROBLOG, a_machine())

    for verb in ("export", "verify", "import"):
        found = program["request"].read("microblog", verb, text)
        assert found.state.application == "microblog"
        assert found.staging.secret_key == "the-key"  # noqa: S105 - of no bucket
        assert found.manifest_sha256 == ASKED.sha256


def test_what_belongs_to_others_is_not_called_missing() -> None:
    assert MICROBLOG.state.buckets
    assert MICROBLOG.state.secrets
    assert {"buckets", "secrets"} & document()["manifest"].keys() == set()


def test_folders_that_end_in_the_same_word_are_told_apart() -> None:
    package = a_package(StatePath(path="one/data"), StatePath(path="two/data"))

    found = document(package)["manifest"]["paths"]

    assert [(it["name"], it["path"], it["owner"]) for it in found] == [
        ("one-data", "/var/lib/applications/microblog/one/data", "app-microblog"),
        ("two-data", "/var/lib/applications/microblog/two/data", "app-microblog"),
    ]


def test_a_machine_without_a_door_to_the_store_is_named() -> None:
    machine = a_machine().model_copy(update={"guest": Doors()})

    with pytest.raises(errors.FaultError, match="no door to the store"):
        ASKED.document(MICROBLOG, machine)


def test_what_is_secret_is_not_shown_by_accident() -> None:
    assert "the-key" not in repr(ASKED)
    assert "the password" not in repr(ASKED)


@pytest.mark.parametrize(("name", "has"), [("microblog", True), ("hello", False)])
def test_some_applications_have_no_state_in_their_machine(name: str, *, has: bool) -> None:
    assert has_state(applications().get(name)) is has
