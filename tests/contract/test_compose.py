"""compose.yaml has the production shape: read by docker-compose, hardened, secrets as files."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from shared import provider
from shared.bus import accounts, streams
from shared.embedded.servers.caddy import CaddyServer
from tests.support.servers import require
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from pydantic import BaseModel

SERVICES: Final = tuple(it.name for it in streams.SERVICES)
SERVERS: Final = {"nats", "postgres", "s3", "edge"}
ONCE: Final = {"prepare", "bus-apply"}
SECRETS: Final = ("nats_seed", "postgres_password", "age_identity")
PUBLIC: Final = {".public", ".pub"}
Shape = dict[str, Any]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compose")
    script = ROOT / "scripts" / "prepare_compose.py"
    argv = (sys.executable, str(script), "--directory", str(folder))
    subprocess.run(argv, cwd=ROOT, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    return folder


@pytest.fixture(scope="module")
def shape(prepared: Path) -> Shape:
    require("docker-compose", "docker-compose")
    options = ("--env-file", str(prepared / ".env"), "-f", str(ROOT / "compose.yaml"))
    done = subprocess.run(
        ("docker-compose", *options, "config"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    loaded: Shape = yaml.safe_load(done.stdout)
    return loaded


def test_every_service_and_what_it_needs_is_there(shape: Shape) -> None:
    assert set(shape["services"]) == {*SERVICES} | SERVERS | ONCE


def test_every_container_is_hardened(shape: Shape) -> None:
    for name, it in shape["services"].items():
        assert it["read_only"] is True, name
        assert it["cap_drop"] == ["ALL"], name
        assert it["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in it, name
        # Only the one-shot that gives volumes to their owners is root, and it has no network.
        assert it["user"] not in {"root", "0", "0:0"} or it["network_mode"] == "none", name


def test_every_container_that_stays_has_a_health_check(shape: Shape) -> None:
    missing = [
        name
        for name, it in shape["services"].items()
        if name not in ONCE and "healthcheck" not in it
    ]

    assert missing == []


def test_services_wait_for_the_bus_to_be_applied(shape: Shape) -> None:
    for name in SERVICES:
        needs = shape["services"][name]["depends_on"]
        assert needs["bus-apply"]["condition"] == "service_completed_successfully", name
        assert needs["postgres"]["condition"] == "service_healthy", name


def test_every_variable_is_a_setting_of_its_service(shape: Shape) -> None:
    for name in SERVICES:
        kind = importlib.import_module(f"services.{name}.settings").Settings
        for variable in shape["services"][name]["environment"]:
            assert variable.startswith(f"{name.upper()}_")
            assert is_setting(kind, variable.removeprefix(f"{name.upper()}_")), variable


def is_setting(kind: type[BaseModel], variable: str) -> bool:
    first, _, rest = variable.lower().partition("__")
    field = kind.model_fields.get(first)
    if field is None or not rest:
        return field is not None
    return is_setting(type(field.get_default()), rest)


def test_a_service_gets_its_own_secrets_and_no_other_services(shape: Shape) -> None:
    for name in SERVICES:
        granted = {it["source"] for it in shape["services"][name]["secrets"]}
        assert granted >= {f"{name}_{kind}" for kind in SECRETS}, name
        others = tuple(f"{it}_" for it in SERVICES if it != name)
        private = [it for it in granted if not it.endswith(".pub")]
        assert not [it for it in private if it.startswith(others)], name


def test_no_secret_stands_in_the_configuration(shape: Shape, prepared: Path) -> None:
    secrets = [
        text
        for it in (prepared / "secrets").iterdir()
        if it.suffix not in PUBLIC and (text := it.read_text())
    ]

    assert secrets
    assert not [it for it in secrets if it in yaml.safe_dump(shape)]
    assert all("file" in it for it in shape["secrets"].values())


def test_every_secret_that_is_granted_is_made(shape: Shape, prepared: Path) -> None:
    made = {it.name for it in (prepared / "secrets").iterdir() if it.suffix != ".public"}

    assert set(shape["secrets"]) == made


def test_preparing_again_changes_nothing(prepared: Path) -> None:
    before = {it: it.read_bytes() for it in prepared.rglob("*") if it.is_file()}

    script = ROOT / "scripts" / "prepare_compose.py"
    argv = (sys.executable, str(script), "--directory", str(prepared))
    subprocess.run(argv, cwd=ROOT, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})

    assert {it: it.read_bytes() for it in prepared.rglob("*") if it.is_file()} == before


def test_the_bus_is_rendered_with_a_key_for_every_account(shape: Shape) -> None:
    script = shape["services"]["prepare"]["command"][0]
    keys = dict(re.findall(r"--key (\w+)=(\w+)", script))

    config = accounts.configuration(
        accounts.Server(listen="0.0.0.0:4222", store="/data/nats", keys=keys)
    )

    assert config["listen"] == "0.0.0.0:4222"


def test_the_edge_is_configured_as_in_the_embedded_default(shape: Shape) -> None:
    embedded = CaddyServer(Path("/data"), admin_port=2019, port=8000, tls_port=8443)
    written = json.loads((ROOT / "compose" / "caddy.json").read_text())

    # A container listens on all of its addresses.
    wanted = json.loads(
        json.dumps(embedded.configuration())
        .replace('"127.0.0.1:8000"', '":8000"')
        .replace('"127.0.0.1:8443"', '":8443"')
    )
    assert written["apps"]["http"] == wanted["apps"]["http"]
    assert written["admin"] == wanted["admin"]
    assert shape["services"]["edge"]["network_mode"] == "service:provisioner"


def test_the_example_of_a_provider_is_accepted() -> None:
    offered = provider.load(ROOT / "compose" / "provider.toml")

    assert offered.provider.name == "Example hosting"


def test_the_object_store_is_configured_for_its_volume() -> None:
    config = tomllib.loads((ROOT / "compose" / "garage.toml").read_text())

    assert config["metadata_dir"].startswith("/data/s3/")
    assert config["data_dir"].startswith("/data/s3/")
