"""How the parts of deployer are put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from services.deployer.__main__ import Outside, wired
from services.deployer.adapters.certificates import EdgeCertificates
from services.deployer.settings import Settings
from shared import errors
from shared.database import Database
from shared.sealing import new_identity
from tests.support.deployments import a_renderer
from tests.support.fakes.health_probe import FakeHealthProbe
from tests.support.fakes.host import FakeHosts

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg

    from services.deployer.service import Deployer


def a_deployer(directory: Path, **recipients: str) -> Deployer:
    identity, _ = new_identity()
    settings = Settings(
        work_directory=directory,
        recipients=recipients,
        nats_seed="seed",
        postgres_password="password",  # noqa: S106 - of no database
        age_identity=identity,
    )
    database = Database(cast("asyncpg.Pool", None))
    outside = Outside(
        hosts=FakeHosts(), probe=FakeHealthProbe(), certificates=EdgeCertificates(None)
    )
    return wired(settings, a_renderer(), database, outside)


def test_a_deployer_that_cannot_seal_to_panel_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(errors.NotFoundError, match="no recipient of panel is known"):
        a_deployer(tmp_path)


def test_what_deployer_seals_to_itself_it_can_read(tmp_path: Path) -> None:
    _, panel = new_identity()
    _, another = new_identity()

    keeping = a_deployer(tmp_path, panel=panel, deployer=another).deploying.keeping

    assert keeping.unsealer.unseal(keeping.sealer.seal("deployer", "mine")) == "mine"
