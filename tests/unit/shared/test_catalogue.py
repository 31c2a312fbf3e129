"""Application packages are data: read together, refused together, and turned into requests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from shared import catalogue, errors
from shared.contracts.deployments import ApplicationOrder, BucketRequest, MachineRequest
from shared.provider import Size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydantic import JsonValue

    from shared.contracts.deployments import Resource

SIZES = {
    "small": Size(cpus=1, memory_mib=256, disk_gib=4),
    "large": Size(cpus=4, memory_mib=4096, disk_gib=40),
}
DOMAIN = "garden.example"
BOOK = """
title = "Book"
description = "A book."
versions = ["2.0.0", "1.0.0"]
host_label = "book"
immutable = ["language"]
[machine]
sizes = ["medium", "small"]
http_port = 80
health_path = "/healthz"
[[buckets]]
purpose = "media"
quota_gib = 5
[[buckets]]
purpose = "entries"
when = { visitors_book = true }
[state]
paths = [{ path = "avatars", owner = "book" }]
checks = [{ path = "/book.json" }]
[[state.databases]]
name = "book"
engine = "postgresql"
excluded_tables = ["cache"]
[[state.buckets]]
purpose = "media"
excludes = ["cache/"]
[[state.buckets]]
purpose = "entries"
[[state.secrets]]
name = "column-key"
scope = "must-carry"
generate = "random-32"
[state.units]
stop = ["book-worker", "book"]
start = ["book", "book-worker"]
[state.hooks]
warm_up = [["/usr/bin/true"]]
[standalone]
packages = ["python3", "postgresql-15"]
[[standalone.units]]
name = "book"
command = ["/usr/bin/python3", "{code}/book.py"]
[[standalone.units]]
name = "book-worker"
command = ["/usr/bin/python3", "{code}/worker.py"]
"""
ADMINISTRATOR = "administrator.secret b"
MORE_PUBLIC = """
[[buckets]]
purpose = "one"
public = true
[[buckets]]
purpose = "two"
public = true
"""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "language": {"type": "string", "default": "en"},
        "visitors_book": {"type": "boolean", "default": True},
        "token": {"type": "string", "x-secret": True},
    },
}


def a_package(folder: Path, name: str = "book", text: str = BOOK, schema: object = SCHEMA) -> Path:
    package = folder / name
    package.mkdir(parents=True)
    (package / "application.toml").write_text(text)
    (package / "options.schema.json").write_text(json.dumps(schema))
    return package


def another(name: str, packages: str = '["busybox"]') -> str:
    return f"""
title = "Another"
description = "Another one."
versions = ["1"]
host_label = "{name}"
[machine]
sizes = ["large"]
[standalone]
packages = {packages}
units = [{{ name = "{name}", command = ["/bin/true"] }}]
"""


def order(application: str, **options: JsonValue) -> ApplicationOrder:
    return ApplicationOrder(
        application=application, version="1", host=f"{application}.garden.example", options=options
    )


def mistakes(*folders: Path) -> dict[str, str]:
    with pytest.raises(errors.InvalidError) as raised:
        catalogue.load(folders)
    return raised.value.details


def machines(
    folder: Path, *applications: str, earlier: Sequence[Resource] = ()
) -> list[MachineRequest]:
    orders = [order(it) for it in applications]
    found = catalogue.load([folder]).resources(orders, SIZES, DOMAIN, earlier)
    return [it for it in found if isinstance(it, MachineRequest)]


def purposes(folder: Path, **options: JsonValue) -> list[str]:
    found = catalogue.load([folder]).resources([order("book", **options)], SIZES, DOMAIN)
    return [it.purpose for it in found if isinstance(it, BucketRequest)]


def test_a_package_is_read_with_its_name_folder_and_options(tmp_path: Path) -> None:
    package = a_package(tmp_path)

    book = catalogue.load([tmp_path]).get("book")

    assert (book.name, book.folder, book.options_schema) == ("book", package.resolve(), SCHEMA)
    assert book.newest_version == "2.0.0"
    assert book.state.units.stop == ("book-worker", "book")


def test_the_same_packages_give_equal_applications(tmp_path: Path) -> None:
    a_package(tmp_path)

    assert catalogue.load([tmp_path]) == catalogue.load([tmp_path])


def test_packages_of_every_folder_are_found_and_files_beside_them_are_left_alone(
    tmp_path: Path,
) -> None:
    a_package(tmp_path / "ours")
    a_package(tmp_path / "theirs", "zine", another("zine"), {**SCHEMA, "properties": {}})
    (tmp_path / "ours" / "README.md").write_text("Not a package.")

    found = catalogue.load([tmp_path / "ours", tmp_path / "theirs"])

    assert set(found.applications) == {"book", "zine"}


def test_the_first_size_that_the_provider_offers_is_requested(tmp_path: Path) -> None:
    a_package(tmp_path)

    machine = catalogue.load([tmp_path]).resources([order("book")], SIZES, DOMAIN)[0]

    assert machine == MachineRequest(
        application="book",
        cpus=1,
        memory_mib=256,
        disk_gib=4,
        http_port=80,
        health_path="/healthz",
        image_packages=("postgresql-15", "python3", "python3-asyncpg", "restic"),
    )


def test_an_application_asks_for_the_doors_that_its_package_needs(tmp_path: Path) -> None:
    a_package(tmp_path, text=f"{BOOK}[egress]\nneeded = true\n")
    a_package(tmp_path, "zine", f"{another('zine')}[smtp]\nneeded = true\n")
    a_package(tmp_path, "quiet", another("quiet"))

    book, zine, quiet = machines(tmp_path, "book", "zine", "quiet")

    assert (book.egress, book.mail) == (True, False)
    assert (zine.egress, zine.mail) == (False, True)
    assert (quiet.egress, quiet.mail) == (False, False)


def test_a_provider_without_a_fitting_size_is_told_which_to_add(tmp_path: Path) -> None:
    a_package(tmp_path)

    with pytest.raises(errors.InvalidError, match="medium or small; this provider offers large"):
        catalogue.load([tmp_path]).resources([order("book")], {"large": SIZES["large"]}, DOMAIN)


def test_a_bucket_is_requested_only_under_its_options_and_defaults_count(tmp_path: Path) -> None:
    a_package(tmp_path)

    assert purposes(tmp_path) == ["media", "entries"]
    assert purposes(tmp_path, visitors_book=True) == ["media", "entries"]
    assert purposes(tmp_path, visitors_book=False) == ["media"]
    assert purposes(tmp_path, visitors_book=1) == ["media"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("ink.garden.example", "media-ink.garden.example"),
        ("garden.example", "media.garden.example"),
    ],
)
def test_a_public_bucket_is_read_below_the_operators_own_domain(
    tmp_path: Path, host: str, expected: str
) -> None:
    a_package(tmp_path, text=BOOK.replace("quota_gib = 5", "public = true"))
    ordered = order("book").model_copy(update={"host": host})

    found = catalogue.load([tmp_path]).resources([ordered], SIZES, DOMAIN)

    buckets = [it for it in found if isinstance(it, BucketRequest)]
    assert {it.purpose: it.public_host for it in buckets} == {"media": expected, "entries": None}


def test_each_application_asks_for_its_own_packages_and_a_port_of_its_own(tmp_path: Path) -> None:
    a_package(tmp_path)
    a_package(tmp_path, "zine", another("zine", '["zsh", "python3"]'))

    zine, book = machines(tmp_path, "zine", "book")

    assert (zine.application, zine.image_packages) == ("zine", ("python3", "zsh"))
    assert book.image_packages == ("postgresql-15", "python3", "python3-asyncpg", "restic")
    assert (book.http_port, zine.http_port) == (80, 8080)
    assert (book.keeps_data, zine.keeps_data) == (True, False)


def test_an_application_keeps_the_port_that_it_was_given_before(tmp_path: Path) -> None:
    a_package(tmp_path)
    a_package(tmp_path, "zine", another("zine"))
    packages = catalogue.load([tmp_path])
    before = packages.resources([order("zine")], SIZES, DOMAIN)

    book, zine = machines(tmp_path, "book", "zine", earlier=before)

    assert (book.http_port, zine.http_port) == (8080, 80)


def test_an_unknown_application_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    a_package(tmp_path)

    with pytest.raises(errors.NotFoundError, match="there are: book"):
        catalogue.load([tmp_path]).resources([order("mastodon")], SIZES, DOMAIN)


def test_every_mistake_of_every_package_is_named_at_once(tmp_path: Path) -> None:
    a_package(tmp_path, text=BOOK.replace('title = "Book"', 'titel = "Book"'))
    a_package(tmp_path, "zine", another("zine").replace("[machine]", "[machine"), schema=[])
    (tmp_path / "empty").mkdir()

    found = mistakes(tmp_path, tmp_path / "absent")

    assert found["book/application.toml titel"] == "is not known here; did you mean `title`?"
    assert found["book/application.toml title"] == "is missing; add it"
    assert "is not valid TOML" in found["zine/application.toml file"]
    assert "must be a JSON Schema" in found["zine/options.schema.json file"]
    assert "cannot be read" in found["empty/application.toml file"]
    assert "is no catalogue folder" in found[str(tmp_path / "absent")]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('immutable = ["language"]', 'immutable = ["colour"]', "immutable colour"),
        ("visitors_book = true", "guests = true", "buckets[1].when.guests"),
        ("visitors_book = true", 'token = "x"', "buckets[1].when.token"),
        ('"2.0.0", "1.0.0"', '"1.0.0", "1.0.0"', "versions 1.0.0"),
        ('start = ["book"', 'start = ["books"', "state.units.start books"),
        ('[[state.buckets]]\npurpose = "entries"', "", "state.buckets entries"),
        ('purpose = "media"\nquota', 'purpose = "mediafiles"\nquota', "buckets[0].purpose"),
        ('purpose = "media"\nquota', 'purpose = "s3alias"\nquota', "buckets[0].purpose"),
        ('scope = "must-carry"', 'scope = "keep"', "state.secrets[0].scope"),
        ('generate = "random-32"', "", "state.secrets column-key"),
        ('name = "column-key"', 'name = "bucket-media"', "state.secrets bucket-media"),
        ("[machine]", '[administrator]\nuser = "a"\nsecret = "b"\n[machine]', ADMINISTRATOR),
        ('host_label = "book"', 'host_label = "media-book"', "host_label"),
        ("[[state.databases]]", MORE_PUBLIC + "[[state.databases]]", "buckets"),
        ('"{code}/book.py"]', '""]', "standalone.units[0].command[1]"),
        ('name = "book-worker"', 'name = "book"', "standalone.units book"),
    ],
)
def test_a_package_that_contradicts_itself_is_refused(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    a_package(tmp_path, text=BOOK.replace(old, new, 1))

    assert f"book/application.toml {place}" in mistakes(tmp_path)


@pytest.mark.parametrize("name", ["Book", "book_", "abcdefghijk-lm"])
def test_a_package_whose_name_cannot_name_things_is_refused(tmp_path: Path, name: str) -> None:
    a_package(tmp_path, name)

    assert f"{name}/." in mistakes(tmp_path)


def test_names_that_would_be_one_in_the_names_of_buckets_are_refused(tmp_path: Path) -> None:
    a_package(tmp_path, "federated-ink", another("federated-ink"))
    a_package(tmp_path, "federated-inn", another("federated-inn"))

    assert "federated-in;" in str(mistakes(tmp_path))


def test_two_applications_cannot_have_a_unit_of_one_name(tmp_path: Path) -> None:
    a_package(tmp_path)
    a_package(tmp_path, "zine", another("book"))

    assert "has the same unit: book" in str(mistakes(tmp_path))
