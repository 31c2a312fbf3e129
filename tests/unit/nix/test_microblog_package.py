"""The package of the application microblog: what it says about itself is what its code does."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import jsonschema
import pytest

from shared import catalogue
from tests.support.microblog import CODE, OPTIONS, PACKAGE

if TYPE_CHECKING:
    from pathlib import Path

    from shared.catalogue import Application

NAME = "microblog"
SCHEMA = "".join(it.read_text() for it in sorted((CODE / "schema").glob("*.sql")))
SOURCES = "".join(it.read_text() for it in sorted(CODE.glob("*.py")))


@pytest.fixture(name="package")
def microblog_package(tmp_path: Path) -> Application:
    shutil.copytree(PACKAGE, tmp_path / NAME, ignore=shutil.ignore_patterns("__pycache__"))
    return catalogue.load([tmp_path]).get(NAME)


def test_the_tables_that_do_not_travel_exist(package: Application) -> None:
    known = set(re.findall(r"create table (\w+)", SCHEMA))

    (database,) = package.state.databases
    assert {*database.excluded_tables, *database.truncate_after_restore} <= known
    assert {"posts", "drafts", "followers", "deliveries", "secret_proofs"} <= known - {
        *database.excluded_tables,
        *database.truncate_after_restore,
    }


def test_every_secret_that_the_code_reads_is_declared(package: Application) -> None:
    declared = {it.name for it in package.state.secrets}

    read = set(re.findall(r'"(actor-key|column-key|administrator|bucket-media)"', SOURCES))
    assert read == declared


def test_every_command_names_a_program_that_is_there(package: Application) -> None:
    hooks = package.state.hooks
    commands = [
        *(command for unit in package.standalone.units for command in (unit.command, unit.prepare)),
        *(it.probe for it in package.state.secrets),
        *hooks.quiesce,
        *hooks.post_restore,
    ]

    programs = [word for command in commands for word in command if word.startswith("{code}")]
    assert len(programs) == len([it for it in commands if it])
    for it in programs:
        assert (CODE / it.removeprefix("{code}/")).is_file()


def test_the_prefixes_of_the_bucket_are_those_of_the_code(package: Application) -> None:
    (bucket,) = package.state.buckets

    assert all(f'"{it}' in SOURCES for it in (*bucket.prefixes, *bucket.excludes))


def test_the_defaults_of_the_options_are_valid_and_complete(package: Application) -> None:
    defaults = package.completed({})

    jsonschema.Draft202012Validator(package.options_schema).validate(defaults)
    assert set(defaults) == set(OPTIONS)
    for name, option in package.options_schema["properties"].items():
        assert {"title", "description", "default", "examples"} <= set(option), name
    assert set(package.immutable) <= set(OPTIONS)
