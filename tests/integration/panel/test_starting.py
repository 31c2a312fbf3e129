"""How panel starts and ends: with one clear message when something is wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support import panel as rigs

if TYPE_CHECKING:
    from tests.support.panel import PanelRig


async def started_with(panel: PanelRig, **variables: str) -> tuple[int, str]:
    """Start another panel with other variables, and return how it ended and what it said."""
    command = panel.command()
    process = await asyncio.create_subprocess_exec(
        *command.argv,
        cwd=command.directory,
        env={**command.environment, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode is not None
    return process.returncode, said.decode().splitlines()[-1]


async def test_every_mistake_in_the_provider_file_is_named(panel: PanelRig) -> None:
    file = panel.directory / "broken.toml"
    file.write_text('[provider]\nname = ""\n[panel]\nhost = "Panel"\n')

    status, said = await started_with(panel, PANEL_PROVIDER_FILE=str(file))

    assert status == 1
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PANEL_RECIPIENTS", "{}", "the recipient of deployer is missing"),
        ("PANEL_RUNTIME__PORT", "many", "runtime.port"),
        ("FEDIVERSITY_SECRETS_DIRECTORY", "/nonexistent", "nats_seed"),
    ],
)
async def test_a_wrong_setting_is_named(
    panel: PanelRig, name: str, value: str, expected: str
) -> None:
    status, said = await started_with(panel, **{name: value})

    assert status == 1
    assert said.startswith("fediversity-panel: ")
    assert expected in said


async def test_an_empty_authority_is_none(panel: PanelRig) -> None:
    command = panel.command("create-admin", "--operator", "Empty")
    emptied = {**command.environment, "PANEL_CHECK_AUTHORITY_FILE": ""}
    process = await asyncio.create_subprocess_exec(
        *replace(command, environment=emptied).argv,
        cwd=rigs.ROOT,
        env=emptied,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )

    assert await asyncio.wait_for(process.wait(), 40) == 0
