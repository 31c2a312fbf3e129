"""A bucket has a name of its deployment's own, and nothing with another name is touched."""

from __future__ import annotations

import pytest

from services.storage.domain import buckets
from services.storage.domain.buckets import Bucket, BucketState
from shared import errors, ids
from shared.contracts.deployments import BucketRequest

DEPLOYMENT = "0123456789abcdefghjkmnpqrs"  # fixed: it is in the names of tests
OTHER = "0123456789abcdefghjkmnpqrt"


def request(application: str = "hello", purpose: str = "entries") -> BucketRequest:
    return BucketRequest(application=application, purpose=purpose, quota_gib=1)


def test_every_request_becomes_a_bucket_of_its_deployment() -> None:
    planned = buckets.plan(DEPLOYMENT, [request(), request(purpose="media")], "local")

    assert [it.name for it in planned] == [
        f"fdv-{DEPLOYMENT}-hello-entries",
        f"fdv-{DEPLOYMENT}-hello-media",
    ]
    assert {(it.store, it.state, it.quota_gib) for it in planned} == {
        ("local", BucketState.REQUESTED, 1)
    }


@pytest.mark.parametrize(
    "requests",
    [
        [request(), request()],
        [request(application="federated-ink"), request(application="federated-inn")],
    ],
)
def test_two_requests_never_share_a_bucket(requests: list[BucketRequest]) -> None:
    with pytest.raises(errors.InvalidError, match="would share the bucket"):
        buckets.plan(DEPLOYMENT, requests, "local")


def test_two_buckets_are_never_read_under_one_host() -> None:
    host = "media-blog.garden.example"
    both = [
        BucketRequest(application="hello", purpose=it, public_host=host)
        for it in ("media", "avatars")
    ]

    with pytest.raises(errors.InvalidError, match="hello/media and hello/avatars") as caught:
        buckets.plan(DEPLOYMENT, both, "local")

    assert caught.value.code == "bucket.host_shared"
    assert host in caught.value.message


def test_buckets_that_nobody_else_reads_share_no_host() -> None:
    planned = buckets.plan(DEPLOYMENT, [request(), request(purpose="media")], "local")

    assert [it.public_host for it in planned] == [None, None]


@pytest.mark.parametrize(
    "requested",
    [request(purpose="Media"), request(application="../etc"), request(purpose="a/*")],
)
def test_what_no_store_can_name_is_refused(requested: BucketRequest) -> None:
    with pytest.raises(errors.InvalidError, match="is not a name of a bucket"):
        buckets.plan(DEPLOYMENT, [requested], "local")


@pytest.mark.parametrize(
    "name",
    [
        f"fdv-{OTHER}-hello-entries",
        f"fdv-{DEPLOYMENT}x-hello-entries",
        f"x-fdv-{DEPLOYMENT}-hello-entries",
        "fdv-",
        "fediversity-probe",
        "",
        f"fdv-{DEPLOYMENT}-hello-entries\n",
        f"fdv-{DEPLOYMENT}-*",
    ],
)
def test_a_name_that_is_not_the_deployments_own_is_refused(name: str) -> None:
    with pytest.raises(errors.InvalidError):
        buckets.check_name(DEPLOYMENT, name)


def test_a_name_of_the_deployments_own_is_accepted() -> None:
    buckets.check_name(DEPLOYMENT, ids.bucket_name(DEPLOYMENT, "hello", "entries"))


def test_a_state_is_found_among_several_buckets() -> None:
    made = Bucket(deployment=DEPLOYMENT, application="a", purpose="b", store="local")

    assert buckets.touched([made], BucketState.CREATING, BucketState.REQUESTED)
    assert not buckets.touched([made], BucketState.CREATING)
    assert not buckets.touched([], BucketState.CREATING)
