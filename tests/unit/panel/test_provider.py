"""Quotas refuse more of something, never what is there already, and say how much there is."""

from __future__ import annotations

import pytest

from services.panel.domain.provider import Quota, Usage, storage_gib
from shared import errors
from shared.contracts.deployments import BucketRequest, MachineRequest

QUOTA = Quota(deployments=2, applications=3, storage_gib=10)
MACHINE = MachineRequest(application="hello", cpus=1, memory_mib=256, disk_gib=4, http_port=8080)


def test_without_a_quota_there_is_no_limit() -> None:
    Quota().require_deployment(Usage(deployments=1000))
    Quota().require_applications(Usage(applications=1000), before=0, wanted=50)
    Quota().require_storage(Usage(storage_gib=1000), before=0, wanted=1000)


def test_what_fits_exactly_is_allowed() -> None:
    QUOTA.require_deployment(Usage(deployments=1))
    QUOTA.require_applications(Usage(applications=1), before=0, wanted=2)
    QUOTA.require_storage(Usage(storage_gib=6), before=0, wanted=4)


def test_one_more_is_refused_with_the_numbers() -> None:
    with pytest.raises(errors.QuotaExceededError) as caught:
        QUOTA.require_deployment(Usage(deployments=2))

    assert caught.value.code == "quota.deployments"
    assert caught.value.message.startswith(
        "You may have 2 deployments in all. You have 2, and this would make it 3."
    )
    with pytest.raises(errors.QuotaExceededError, match="You have 3, and this would make it 4"):
        QUOTA.require_applications(Usage(applications=1), before=2, wanted=3)
    with pytest.raises(errors.QuotaExceededError, match="10 GiB of storage") as caught:
        QUOTA.require_storage(Usage(storage_gib=8), before=0, wanted=4)
    assert caught.value.code == "quota.storage"


def test_what_is_there_may_be_changed_though_the_quota_is_smaller_by_now() -> None:
    small = Quota(deployments=0, applications=0, storage_gib=0)

    small.require_applications(Usage(applications=5), before=2, wanted=2)
    small.require_storage(Usage(storage_gib=50), before=8, wanted=4)


def test_what_a_restore_replaces_is_kept_once_above_the_quota() -> None:
    two = Quota(backups=2)

    two.require_backup(Usage(backups=1))
    two.require_backup(Usage(backups=2), is_automatic=True)
    Quota().require_backup(Usage(backups=1000))
    with pytest.raises(errors.QuotaExceededError, match="You have 2, and this would make it 3"):
        two.require_backup(Usage(backups=2))
    with pytest.raises(errors.QuotaExceededError, match="one more of what a restore") as caught:
        two.require_backup(Usage(backups=3), is_automatic=True)
    assert caught.value.code == "quota.backups"


def test_storage_is_disks_and_quotas_of_buckets() -> None:
    bucket = BucketRequest(application="hello", purpose="media", quota_gib=5)
    unlimited = BucketRequest(application="hello", purpose="more")

    assert storage_gib([MACHINE, bucket, unlimited]) == 9
