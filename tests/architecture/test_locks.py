"""Locks pin everything that is asked for, by hash, from whatever index a person uses."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.tree import ROOT, Tree

if TYPE_CHECKING:
    from pathlib import Path

SERVICES: Final = Tree(ROOT).services
WHOLE: Final = ROOT / "requirements.lock"
PIN: Final = re.compile(
    r"^([\w.-]+)==(\S+)(?: ;[^\\]+)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)
COMMENT: Final = re.compile(r"^\s*#.*\n", re.MULTILINE)


def lock_of(service: str) -> Path:
    return ROOT / "services" / service / "requirements.lock"


def pins(lock: Path) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version, _ in PIN.findall(lock.read_text())}


def asked_by(*files: Path) -> list[Requirement]:
    lines = [line.partition("#")[0].strip() for it in files for line in it.read_text().splitlines()]
    return [Requirement(it) for it in lines if it]


def unmet(asked: list[Requirement], pinned: dict[str, str]) -> list[str]:
    return [
        str(it)
        for it in asked
        if not (found := pinned.get(canonicalize_name(it.name))) or not it.specifier.contains(found)
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_the_lock_of_an_image_pins_what_its_service_asks_for(service: str) -> None:
    asked = asked_by(
        ROOT / "shared" / "requirements.txt", ROOT / "services" / service / "requirements.txt"
    )

    assert unmet(asked, pins(lock_of(service))) == [], "run: make lock"


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_has_the_versions_that_were_tested(service: str) -> None:
    assert pins(lock_of(service)).items() <= pins(WHOLE).items(), "run: make lock"


def test_the_lock_pins_what_developers_and_the_embedded_default_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()

    asked = [Requirement(it) for extra in extras for it in extra]
    assert unmet(asked, pins(WHOLE)) == [], "run: make lock"


@pytest.mark.parametrize("lock", [WHOLE, *map(lock_of, SERVICES)], ids=lambda it: it.parent.name)
def test_a_lock_holds_pins_with_hashes_and_nothing_else(lock: Path) -> None:
    text = COMMENT.sub("", lock.read_text())

    assert pins(lock)
    assert PIN.sub("", text).strip() == ""


def test_a_requirement_that_is_not_pinned_is_found() -> None:
    asked = [Requirement("nats-py>=2"), Requirement("left-pad")]

    assert unmet(asked, {"nats-py": "1.9"}) == ["nats-py>=2", "left-pad"]
