"""The worst day of the demo: everything that was put into the blog is destroyed, where it lies.

Not through any service: by SSH in the machine, and in the bucket by the store's own administrator.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from shared import errors, http

from . import bare
from .servers import signature

if TYPE_CHECKING:
    from pathlib import Path

    from .servers.seaweedfs import Access

FOLDER: Final = "/var/lib/applications/microblog"
# All but the proofs of the keys, which say whose data this is: the blog goes on, empty.
ROWS: Final = (
    "truncate posts, uploads, drafts, hosts, followers, deliveries; "
    "update profile set avatar = null"
)
SCRIPT: Final = f"""set -e
cd /run/current-system/bin
for psql in /usr/lib/postgresql/*/bin/psql; do
  ./as-application microblog "$psql" -X -q -h '{{state}}/run' -d microblog -c '{ROWS}'
done
rm -rf {FOLDER}/avatars/*
"""
S3_NAMES: Final = "{http://s3.amazonaws.com/doc/2006-03-01/}"


async def destroy(deployment: str, *, machines: Path, key: Path, store: Access) -> None:
    """Destroy rows, files and pictures of the blog.

    Args:
        deployment: whose blog.
        machines: holds the folder of each machine.
        key: the SSH key that opens them.
        store: the administrator's access to the object store.

    Raises:
        FaultError: something could not be destroyed.
    """
    await bare.inside(bare.Model.of(deployment, machines), key, SCRIPT)
    bucket = f"{store.endpoint}/fdv-{deployment}-microblog-media"
    async with http.client() as client:
        listing = f"{bucket}?list-type=2&prefix=pictures%2F"
        answer = await client.get(listing, headers=signature.headers(store, "GET", listing))
        if not answer.is_success:
            raise errors.FaultError("ruin.store", f"the store answered {answer.status_code}")
        for it in ET.fromstring(answer.content).iter(f"{S3_NAMES}Key"):  # noqa: S314 - as above
            url = f"{bucket}/{quote(it.text or '')}"
            gone = await client.delete(url, headers=signature.headers(store, "DELETE", url))
            if not gone.is_success:
                raise errors.FaultError("ruin.store", f"the store answered {gone.status_code}")
