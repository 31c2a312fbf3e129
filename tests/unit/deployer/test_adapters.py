"""What is run, word by word, and what its failures mean."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from typing_extensions import override

from services.deployer.adapters import process, reports
from services.deployer.adapters.connection import Connection, failure
from services.deployer.adapters.nix import SANDBOX, Nix
from services.deployer.adapters.ssh import SshHost, SshHosts, archived, in_boot
from services.deployer.domain import Switch, SwitchResult, System
from shared import errors
from tests.support.deployments import HOST_KEY, a_machine

NAME = "fdv-01k0000000000000000000000a-1"
SYSTEM = System("/nix/store/abc-system")
BOOT = "5f0c1d9e-0000-4000-8000-000000000000"


def test_a_command_names_the_boot_it_is_meant_for() -> None:
    command = in_boot(BOOT, f"{SYSTEM}/bin/confirm-switch")

    assert command == (
        "read -r boot < /proc/sys/kernel/random/boot_id; "
        f'[ "$boot" = {BOOT} ] || exit 97; exec {SYSTEM}/bin/confirm-switch'
    )


def test_a_machine_is_known_by_its_one_host_key(tmp_path: Path) -> None:
    hosts = SshHosts(key_file=tmp_path / "key", work_directory=tmp_path, nix=Nix(store=None))
    hosts.at(a_machine())

    name = a_machine().machine
    assert (tmp_path / f"{name}.keys").read_text() == f"{name} {HOST_KEY}\n"
    configuration = (tmp_path / f"{name}.conf").read_text()
    for line in ("StrictHostKeyChecking yes", "BatchMode yes", f"HostKeyAlias {name}", "Port 2201"):
        assert f"  {line}\n" in configuration


@pytest.mark.parametrize(
    ("status", "text", "kind", "code"),
    [
        (255, "ssh: connect: Connection refused", errors.UnavailableError, "machine.unreachable"),
        (255, "Host key verification failed.", errors.FaultError, "machine.host_key_changed"),
        (255, "Permission denied (publickey).", errors.FaultError, "machine.access_denied"),
        (1, "failed to start SSH connection", errors.UnavailableError, "machine.unreachable"),
        (75, "another switch is not confirmed yet", errors.UnavailableError, "machine.busy"),
        (127, "not found", errors.CommandError, "command.failed"),
    ],
)
def test_a_failure_says_what_it_means(
    status: int, text: str, kind: type[errors.HostingError], code: str
) -> None:
    found = failure(NAME, errors.CommandError(("ssh",), status, text))

    assert type(found) is kind
    assert found.code == code


def test_what_ssh_says_is_for_the_log_and_not_for_operators() -> None:
    error = errors.CommandError(("ssh",), 255, "ssh: connect to host 10.1.2.3: No route to host")

    with structlog.testing.capture_logs() as logged:
        found = failure(NAME, error)

    assert found.message == f"{NAME} does not answer over SSH; it may be starting"
    assert logged[0]["machine"] == NAME
    assert "10.1.2.3" in logged[0]["complaint"]


@pytest.mark.parametrize("text", ["", "nonsense", "activated", "activated x", "unknown 3"])
def test_a_report_that_is_none_is_a_fault(text: str) -> None:
    with pytest.raises(errors.FaultError):
        reports.switch(text)


def test_a_report_is_the_last_line() -> None:
    assert reports.switch("noise\nrolled_back 2 it is sick\n") == Switch(
        result=SwitchResult.ROLLED_BACK, generation=2, reason="it is sick"
    )


@dataclass(slots=True, kw_only=True)
class EndlessConnection(Connection):
    """Leads to a machine on which no command ends."""

    @override
    async def do(self, command: str, *, stdin: bytes = b"", seconds: float = 0.0) -> str:
        assert command
        return (await process.run(["/bin/sleep", "60"], stdin=stdin, seconds=0.05)).decode()


async def test_a_switch_that_has_not_ended_after_its_time_is_said_to_be_under_way(
    tmp_path: Path,
) -> None:
    connection = EndlessConnection(
        machine=NAME, configuration=tmp_path / "conf", socket=tmp_path / "s", run=process.run
    )
    host = SshHost(connection=connection, nix=Nix(store=None))

    assert (await host.switch(BOOT, SYSTEM, 60)).result is SwitchResult.ACTIVATING
    with pytest.raises(errors.UnavailableError):
        await host.confirm(BOOT, SYSTEM)


def test_secrets_travel_as_an_archive() -> None:
    secrets = {"hello": {"key": b"value"}, "empty": {}}

    with tarfile.open(fileobj=io.BytesIO(archived(secrets))) as archive:
        found = {it.name: it.mode for it in archive}
        entry = archive.extractfile("hello/key")

    assert found == {"empty": 0o700, "hello": 0o700, "hello/key": 0o400}
    assert entry is not None
    assert entry.read() == b"value"


def test_nix_commands_are_what_they_are() -> None:
    nix = Nix(store=None)

    assert nix.build(Path("/e"), Path("/a.json"), Path("/link")) == [
        "nix-build", "/e", "--argstr", "argumentsFile", "/a.json", "--out-link", "/link",
    ]  # fmt: skip
    assert nix.copy(SYSTEM, "machine") == ["nix", "copy", "--to", "ssh://machine", SYSTEM]
    assert nix.dump(SYSTEM) == ["nix-store", "--dump", SYSTEM]


def test_a_store_of_our_own_is_named_in_every_command() -> None:
    nix = Nix(store=Path("/data/store"))

    own = ["--store", "/data/store", "--option", "sandbox-paths", SANDBOX]
    assert nix.copy(SYSTEM, "machine")[-len(own) :] == own
    assert nix.dump(SYSTEM) == ["nix-store", "--dump", f"/data/store{SYSTEM}"]


def test_the_computer_s_own_store_is_never_given_a_sandbox() -> None:
    # As root, nested sandbox paths made Nix empty the computer's shell.
    assert "sandbox-paths" not in " ".join(
        Nix(store=None).build(Path("/e"), Path("/a"), Path("/l"))
    )
