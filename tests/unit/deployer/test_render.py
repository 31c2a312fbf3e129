"""Rendering: a pure function of the revision, without any secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.deployer import render
from shared import errors
from shared.contracts.deployments import Doors, Endpoint, Mode, PublicBucket
from tests.support.deployments import (
    a_bucket,
    a_machine,
    a_renderer,
    a_revision,
    a_secret,
    a_wish,
)
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from services.deployer.domain import ApplicationSecret, Revision
    from shared.contracts.panel import DeploymentRequested

RENDERER = a_renderer()
DOORS = Doors(
    s3=Endpoint(host="10.0.2.100", port=3900),
    mail=Endpoint(host="10.0.2.101", port=25),
    egress=Endpoint(host="10.0.2.102", port=3128),
)
KEPT = [a_secret(it) for it in ("page-key", "signing-key", "writer")]
MEDIA = PublicBucket(host="media-diary.garden.example", url="http://127.0.0.1:8333/diary-media")
GOLDEN = ROOT / "tests/unit/deployer/golden"


def asking(wish: DeploymentRequested, application: str, **needs: bool) -> DeploymentRequested:
    """Return a wish in which an application asks more of its machine."""
    resources = tuple(
        it.model_copy(update=needs) if it.application == application else it
        for it in wish.resources
    )
    return wish.model_copy(update={"resources": resources})


def rendered(revision: Revision, *kept: ApplicationSecret) -> str:
    text = RENDERER.arguments(revision, revision.machines[0], kept)
    return text.replace(str(ROOT), "ROOT")


@pytest.mark.parametrize(
    ("name", "revision"),
    [
        (
            "hello",
            a_revision(
                wish=a_wish(options={"title": "Garden", "languages": ["de", "en"]}),
                buckets=(a_bucket(),),
            ),
        ),
        (
            "two",
            a_revision(
                wish=a_wish("moody", "hello"),
                machines=(a_machine(applications=("moody", "hello")),),
                buckets=(a_bucket(),),
            ),
        ),
        (
            "diary",
            a_revision(
                wish=asking(a_wish("diary"), "diary", egress=True),
                machines=(a_machine(applications=("diary",)).model_copy(update={"guest": DOORS}),),
                buckets=(a_bucket(application="diary").model_copy(update={"public": MEDIA}),),
            ),
        ),
    ],
)
def test_a_revision_renders_to_what_is_on_record(name: str, revision: Revision) -> None:
    assert rendered(revision, *KEPT) == (GOLDEN / f"{name}.json").read_text().rstrip("\n")


def test_an_application_knows_of_the_doors_that_it_asked_for_and_of_no_others() -> None:
    machine = a_machine(applications=("hello", "moody", "diary")).model_copy(
        update={"guest": DOORS}
    )
    wish = asking(a_wish("hello", "moody", "diary"), "moody", egress=True)
    wish = asking(wish, "diary", mail=True)

    found = json.loads(rendered(a_revision(wish=wish, machines=(machine,))))["applications"]

    doors = {it["name"]: it["configuration"]["doors"] for it in found}
    assert doors == {
        "hello": {"egress": None, "mail": None},
        "moody": {"egress": "10.0.2.102:3128", "mail": None},
        "diary": {"egress": None, "mail": "10.0.2.101:25"},
    }


@given(st.permutations(["moody", "hello"]), st.permutations(["moody", "hello"]))
def test_the_order_of_what_was_asked_for_changes_nothing(
    orders: list[str], placed: list[str]
) -> None:
    first = a_revision(
        wish=a_wish("hello", "moody"), machines=(a_machine(applications=("hello", "moody")),)
    )
    second = a_revision(wish=a_wish(*orders), machines=(a_machine(applications=placed),))

    assert rendered(first) == rendered(second)


def test_another_run_of_a_revision_renders_to_the_same() -> None:
    again = a_wish(run="01k0000000000000000000000z")

    assert rendered(a_revision()) == rendered(a_revision(wish=again))


def test_a_machine_gets_only_its_own_applications() -> None:
    machines = (a_machine(), a_machine(number=2, applications=("moody",)))
    revision = a_revision(wish=a_wish("hello", "moody"), machines=machines, buckets=(a_bucket(),))

    names = [
        [it["name"] for it in json.loads(RENDERER.arguments(revision, machine, ()))["applications"]]
        for machine in machines
    ]

    assert names == [["hello"], ["moody"]]
    assert render.secret_sources(revision, machines[1], KEPT) == {"moody": {}}


def test_secrets_are_named_by_file_and_never_rendered() -> None:
    order = a_wish().applications[0].model_copy(update={"sealed_options": {"token": "SEALED-A"}})
    wish = a_wish().model_copy(update={"applications": (order,)})
    revision = a_revision(wish=wish, buckets=(a_bucket(sealed="SEALED-B"),))

    text = rendered(revision)

    assert "SEALED" not in text
    assert "/run/fediversity/secrets/hello/option-token" in text
    assert render.secret_sources(revision, revision.machines[0], KEPT) == {
        "hello": {"option-token": "SEALED-A", "bucket-entries": "SEALED-B"}
    }


def test_another_secret_makes_another_system_of_its_application_only() -> None:
    wish = a_wish("hello", "moody")
    machine = a_machine(applications=("hello", "moody"))
    first, second = (
        json.loads(
            rendered(a_revision(wish=wish, machines=(machine,), buckets=(a_bucket(sealed=it),)))
        )["applications"]
        for it in ("SEALED-A", "SEALED-B")
    )

    hello, moody = 0, 1
    assert first[hello]["configuration"].pop("secrets_digest") != second[hello][
        "configuration"
    ].pop("secrets_digest")
    assert first == second
    assert first[moody]["configuration"]["secrets_digest"]


def test_made_secrets_are_named_by_file_and_count_as_others_do() -> None:
    machine = a_machine(applications=("diary", "hello"))
    revision = a_revision(wish=a_wish("diary", "hello"), machines=(machine,))

    first, second = (
        json.loads(text := rendered(revision, a_secret(sealed=it)))["applications"]
        for it in ("SEALED-A", "SEALED-B")
    )

    diary, hello = (it["configuration"] for it in first)
    assert "SEALED" not in text
    assert diary["secrets"] == {
        it: f"/run/fediversity/secrets/diary/{it}" for it in ("page-key", "signing-key", "writer")
    }
    assert hello["secrets"] == {}
    assert diary.pop("secrets_digest") != second[0]["configuration"].pop("secrets_digest")
    assert first == second
    assert render.secret_sources(revision, machine, [a_secret(sealed="SEALED-A")]) == {
        "diary": {"page-key": "SEALED-A"},
        "hello": {},
    }


def test_the_order_of_secrets_changes_nothing() -> None:
    revision = a_revision(wish=a_wish("diary"), machines=(a_machine(applications=("diary",)),))

    assert rendered(revision, *KEPT) == rendered(revision, *reversed(KEPT))


def test_options_that_were_left_out_have_their_defaults() -> None:
    found = json.loads(rendered(a_revision(wish=a_wish(options={"title": "Mine"}))))

    options = found["applications"][0]["configuration"]["options"]
    assert options["title"] == "Mine"
    assert options["languages"] == ["en"]


def test_a_bucket_without_a_door_to_it_is_a_fault() -> None:
    machine = a_machine().model_copy(update={"guest": Doors()})

    with pytest.raises(errors.FaultError, match=r"doors\.s3"):
        rendered(a_revision(machines=(machine,), buckets=(a_bucket(),)))


def test_a_machine_for_something_nobody_ordered_is_a_fault() -> None:
    with pytest.raises(errors.FaultError, match="nobody ordered"):
        rendered(a_revision(machines=(a_machine(applications=("hello", "moody")),)))


def test_a_prepared_system_has_engines_only_and_names_secrets_that_are_yet_to_come() -> None:
    names = ("diary", "hello", "microblog")
    wish = a_wish(*names)
    machine = a_machine(applications=names)
    prepared = wish.model_copy(update={"mode": Mode.PREPARED})

    found = json.loads(rendered(a_revision(wish=prepared, machines=(machine,))))["applications"]

    units = {it["name"]: [unit["name"] for unit in it["units"]] for it in found}
    assert units == {"diary": [], "hello": [], "microblog": ["microblog-database"]}
    active = json.loads(rendered(a_revision(wish=wish, machines=(machine,))))["applications"]
    assert [it["configuration"] for it in found] == [it["configuration"] for it in active]
    assert sorted(found[2]["configuration"]["secrets"]) == [
        "actor-key", "administrator", "column-key",
    ]  # fmt: skip
