"""What runs is data: the plan names real services, and their environment is complete."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from shared import provider
from shared.bus import streams
from shared.embedded import configuration, places, plan
from shared.embedded.credentials import Credentials


@pytest.fixture
def options(tmp_path: Path) -> places.Options:
    (tmp_path / "data").mkdir()
    return places.Options(data=tmp_path / "data", cache=tmp_path / "cache")


@pytest.fixture
def credentials(options: places.Options) -> Credentials:
    return Credentials(
        directory=options.secrets,
        postgres=SecretStr("p"),
        databases={},
        bus_administrator=SecretStr("s"),
        bus_keys={},
        recipients={"panel": "age1panel"},
        store_key_id="0123456789abcdef0123",
        store_secret=SecretStr("s"),
        front_token=SecretStr("t"),
    )


NAMES = (
    *("front", "front_tls", "front_api", "postgres", "nats", "objects", "machines"),
    *("caddy_admin", "edge", "edge_tls", "egress", "mail"),
    *("panel", "provisioner", "storage", "deployer"),
)
PORTS = {name: 12000 + 10 * number for number, name in enumerate(NAMES)}


def test_the_plan_names_every_service_of_the_bus() -> None:
    assert {it.name for it in plan.load().services} == {it.name for it in streams.SERVICES}


def test_a_service_gets_its_own_prefix_ports_and_secrets(
    options: places.Options, credentials: Credentials
) -> None:
    around = plan.Surroundings(
        options=options, ports=PORTS, credentials=credentials, authority=None
    )
    loaded = plan.load()
    [panel] = [it for it in loaded.services if it.name == "panel"]

    environment = around.environment(loaded, panel)

    assert environment["PANEL_RUNTIME__PORT"] == str(PORTS["panel"])
    assert environment["PANEL_NATS__URL"] == f"nats://127.0.0.1:{PORTS['nats']}"
    assert environment["PANEL_RECIPIENTS"] == '{"panel": "age1panel"}'
    assert environment["CREDENTIALS_DIRECTORY"] == str(options.secrets / "services" / "panel")
    assert "PANEL_CHECK_AUTHORITY_FILE" not in environment
    assert not [name for name in environment if name.startswith("STORAGE_")]


def test_the_provider_file_is_one_that_the_services_read(
    options: places.Options, credentials: Credentials
) -> None:
    configuration.write(options, PORTS, credentials)

    offered = provider.load(options.provider_file)

    assert offered.public_url("blog.garden.localhost") == (
        f"http://blog.garden.localhost:{PORTS['front']}"
    )
    assert offered.object_stores[0].endpoint == f"http://127.0.0.1:{PORTS['objects'] + 3}"


def test_a_provider_file_that_a_person_changed_is_left_alone(
    options: places.Options, credentials: Credentials
) -> None:
    configuration.write(options, PORTS, credentials)
    changed = options.provider_file.read_text() + "\n[sizes.huge]\ncpus = 8\n"
    options.provider_file.write_text(changed)

    configuration.write(options, {**PORTS, "edge": 1}, credentials)

    assert options.provider_file.read_text() == changed


def test_an_unchanged_provider_file_follows_the_ports(
    options: places.Options, credentials: Credentials
) -> None:
    configuration.write(options, PORTS, credentials)
    configuration.write(options, {**PORTS, "edge": 15555}, credentials)

    assert provider.load(options.provider_file).edge.address.port == 15555
