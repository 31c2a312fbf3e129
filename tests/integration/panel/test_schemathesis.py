"""The REST API keeps what its OpenAPI document says, whatever schemathesis thinks of sending."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING

from services.panel.api import examples
from services.panel.domain.identity import Scope
from shared import ids
from tests.support import panel as rigs
from tests.support import panel_runs as runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.panel import PanelRig

SECONDS = 300
"""At most, on a computer that does much at once; alone it takes half a minute."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)


async def test_no_request_breaks_the_panel_or_gets_what_is_not_described(
    panel: PanelRig, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    operator = f"Schema {ids.new_id()}"
    async with panel.operator(named=operator) as client, rigs.an_application() as url:
        deployment = await runs.live(panel, client, url)
        backup = await runs.backed_up(panel, client, deployment["id"])
        run = await rigs.get(client, f"/deployments/{deployment['id']}/runs")
        document = (await client.get("/openapi.json")).text
        me = await rigs.get(client, "/me")
    # What the document shows as examples is there, so that more than absence is answered.
    there = {
        examples.DEPLOYMENT_ID: deployment["id"],
        examples.RUN_ID: run["items"][-1]["id"],
        examples.BACKUP_ID: backup["id"],
        examples.OPERATOR_ID: me["operator"],
        "garden.example": deployment["domain"],
    }
    for shown, real in there.items():
        document = document.replace(shown, real)
    file = tmp_path / "openapi.json"
    file.write_text(document)
    token = await panel.token(scopes=tuple(Scope), operator=operator)

    status, said = await schemathesis(file, panel.url, token, tmp_path)
    async with panel.database() as database, database.transaction() as tx:
        await tx.execute("delete from notices")
        await tx.execute("delete from withheld_applications")

    generated = re.search(r"Test cases:\s+(.+)", said)
    assert generated is not None, said
    record_property("figure", f"schemathesis: {generated[1]}")
    assert status == 0, said[-12000:]


async def schemathesis(file: Path, url: str, token: str, folder: Path) -> tuple[int, str]:
    """Run schemathesis; return its status and what it said."""
    # One worker: before Python 3.12 two threads that parse at once may break each other
    # (https://github.com/python/cpython/issues/106905), and hypothesis parses.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", str(file), "--url", url),
        *("--header", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS)),
        *("--max-examples", "8", "--generation-deterministic"),
        *("--phases", "examples,coverage,fuzzing", "--workers", "1", "--no-color"),
        *("--request-timeout", "10", "--suppress-health-check", "all", "--warnings", "off"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(SECONDS):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode(errors="replace")
