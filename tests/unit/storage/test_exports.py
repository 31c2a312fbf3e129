"""What storage reads of a manifest is what the format of an application's state says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.storage.domain import exports
from services.storage.domain.backups import Backup
from services.storage.domain.objects import StoredObject
from shared import errors
from shared.contracts.state import SavedApplication

SAMPLE = Path(__file__).parents[3] / "docs" / "state-manifest-1.0.json"
CONTENT = SAMPLE.read_bytes()
SAVED = SavedApplication(
    application="garden", version="1.0", manifest="state/garden/manifest.json", sha256="5"
)
BACKUP = Backup(
    id="run-1",
    deployment="0123456789abcdefghjkmnpqrs",
    operator="garden",
    revision=1,
    run="run-1",
    store="local",
    applications=(),
    saved=(SAVED,),
)


def chunks(node: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - whatever JSON holds
    """Return every chunk of the sample, as the format describes one."""
    if isinstance(node, list):
        return [it for item in node for it in chunks(item)]
    if not isinstance(node, dict):
        return []
    if node.keys() == {"object", "bytes", "raw_bytes"}:
        return [node]
    return [it for item in node.values() for it in chunks(item)]


def found() -> dict[str, StoredObject]:
    return {
        key: StoredObject(key=key, size=it["bytes"], etag="e")
        for it in chunks(json.loads(CONTENT))
        for key in [f"state/garden/{it['object']}"]
    }


def test_a_manifest_whose_chunks_are_all_there_is_taken() -> None:
    assert len(found()) > 3

    exports.check_manifest(BACKUP, SAVED, CONTENT, found())


@pytest.mark.parametrize("key", found())
def test_a_chunk_that_is_missing_or_of_another_size_is_found(key: str) -> None:
    whole = found()
    longer = whole[key].model_copy(update={"size": whole[key].size + 1})

    for other in (whole | {key: longer}, {name: it for name, it in whole.items() if name != key}):
        with pytest.raises(errors.FaultError, match=key.removeprefix("state/garden/")):
            exports.check_manifest(BACKUP, SAVED, CONTENT, other)


def test_a_manifest_that_is_longer_than_the_format_allows_is_not_read() -> None:
    for size in (exports.LARGEST_MANIFEST, exports.LARGEST_MANIFEST + 1):
        known = StoredObject(key=SAVED.manifest, size=size, etag="e")
        if size == exports.LARGEST_MANIFEST:
            exports.check_size(SAVED, {SAVED.manifest: known})
            continue
        with pytest.raises(errors.FaultError):
            exports.check_size(SAVED, {SAVED.manifest: known})
