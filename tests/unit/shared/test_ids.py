"""Every name that leaves this project keeps the rules of the world it goes to."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import ids
from shared.catalogue.application import LONGEST_PURPOSE
from shared.contracts import registry
from shared.contracts.messages import ANY_SERVICE
from shared.contracts.progress import Progress, StepState

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICES = ("panel", "provisioner", "deployer", "storage", "migrator")
S3_SUFFIXES = ("-s3alias", "--ol-s3", "--x-s3", "--table-s3", ".mrap")
S3_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")


def is_s3_bucket(name: str) -> bool:
    return (
        re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name) is not None
        and not name.startswith(S3_PREFIXES)
        and not name.endswith(S3_SUFFIXES)
    )


def is_iam_user(name: str) -> bool:
    return re.fullmatch(r"[\w+=,.@-]{1,64}", name, re.ASCII) is not None


def is_dns_label(name: str) -> bool:
    return re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", name) is not None


def is_proxmox_tag(name: str) -> bool:
    return re.fullmatch(r"[a-z0-9_][a-z0-9_+.-]*", name) is not None


def is_nats_subject(name: str) -> bool:
    return len(name) <= 255 and all(
        re.fullmatch(r"[A-Za-z0-9_-]+", token) for token in name.split(".")
    )


def names(longest: int) -> st.SearchStrategy[str]:
    """Return names that a catalogue accepts: words of letters and digits, joined by hyphens."""
    word = st.text("abcxyz019", min_size=1, max_size=8)
    name = st.lists(word, min_size=1, max_size=4).map(lambda words: "n" + "-".join(words))
    return name.map(lambda it: it[:longest]).filter(
        lambda it: not it.endswith("-") and not it[:12].endswith("-")
    )


applications = names(32)
purposes = names(LONGEST_PURPOSE)
deployments = st.integers(0, 2**48 - 1).map(ids.new_id)


@given(deployments, applications, purposes, st.integers(1, 999))
def test_every_external_name_keeps_the_rules_of_its_world(
    deployment: str, application: str, purpose: str, number: int
) -> None:
    bucket = ids.bucket_name(deployment, application, purpose)
    machine = ids.machine_name(deployment, number)
    progress = Progress(
        deployment=deployment,
        run=ids.new_id(),
        service="storage",
        step="bucket",
        state=StepState.RUNNING,
        at="",
    )
    subjects = [
        kind.model_construct(deployment=deployment).subject(service)
        for kind in registry.REGISTRY.values()
        for service in (SERVICES if kind.owner == ANY_SERVICE else (kind.owner,))
    ]
    rules: list[tuple[Callable[[str], bool], list[str]]] = [
        (is_s3_bucket, [bucket]),
        (is_iam_user, [bucket]),
        (is_dns_label, [bucket, machine]),
        (is_proxmox_tag, [deployment, machine]),
        (is_nats_subject, [progress.subject, *subjects]),
    ]

    broken = [(rule.__name__, name) for rule, given in rules for name in given if not rule(name)]

    assert broken == []


@given(deployments, applications, purposes)
def test_a_bucket_is_known_by_its_deployments_prefix(
    deployment: str, application: str, purpose: str
) -> None:
    other = ids.new_id()

    name = ids.bucket_name(deployment, application, purpose)

    assert name.startswith(f"fdv-{deployment}-")
    assert not name.startswith(f"fdv-{other}-")


@given(st.integers(0, 2**48 - 1))
def test_an_id_has_one_form(milliseconds: int) -> None:
    found = ids.new_id(milliseconds)

    assert ids.is_id(found)
    assert len(found) == ids.LENGTH


@given(st.integers(0, 2**48 - 2))
def test_a_later_id_sorts_after_an_earlier_one(milliseconds: int) -> None:
    assert ids.new_id(milliseconds) < ids.new_id(milliseconds + 1)


@pytest.mark.parametrize(
    "text", ["", "x" * 26, "0" * 25, "0" * 27, "0" * 25 + "u", "0" * 25 + "A", "0" * 26 + "\n"]
)
def test_what_is_not_an_id_is_refused(text: str) -> None:
    assert not ids.is_id(text)


@given(st.integers(-3_600_000, 3_600_000))
def test_an_id_comes_after_another_whatever_the_clock_of_that_one(ahead: int) -> None:
    earlier = ids.new_id(time.time_ns() // 1_000_000 + ahead)

    later = ids.id_after(earlier)

    assert later > earlier
    assert ids.is_id(later)
