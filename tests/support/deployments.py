"""Builders of what deployer hears about: wishes, machines and buckets."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from services.deployer.domain import ApplicationSecret, Revision
from services.deployer.render import Renderer
from shared import catalogue, ids
from shared.catalogue import SecretKind
from shared.contracts.deployments import (
    ApplicationOrder,
    Doors,
    Endpoint,
    GrantedBucket,
    GrantedMachine,
    MachineRequest,
    SecureShell,
)
from shared.contracts.panel import DeploymentRequested
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.catalogue import Catalogue
    from shared.contracts.deployments import Options

FOLDERS: Final = (ROOT / "nix/applications", ROOT / "tests/support/applications")
DEPLOYMENT: Final = "01k0000000000000000000000a"
RUN: Final = "01k0000000000000000000000b"
HOST_KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFmmN1m2u7hrWnJGVt9qN1LpTFCP3Qm2iEnpXYsSgiuE"


def applications() -> Catalogue:
    return catalogue.load(FOLDERS)


def a_renderer() -> Renderer:
    return Renderer(catalogue=applications(), public_url=lambda host: f"http://{host}:18080")


def a_secret(
    name: str = "page-key", *, application: str = "diary", sealed: str = "c2VhbGVk"
) -> ApplicationSecret:
    return ApplicationSecret(
        application=application,
        name=name,
        kind=SecretKind.RANDOM_32,
        sealed=sealed,
        fingerprint=hashlib.sha256(sealed.encode()).hexdigest(),
    )


def a_machine(*, number: int = 1, applications: Sequence[str] = ("hello",)) -> GrantedMachine:
    return GrantedMachine(
        machine=ids.machine_name(DEPLOYMENT, number),
        applications=tuple(applications),
        ssh=SecureShell(host="127.0.0.1", port=2200 + number, host_public_key=HOST_KEY),
        http=Endpoint(host="127.0.0.1", port=8000 + number),
        guest=Doors(s3=Endpoint(host="10.0.2.100", port=3900)),
    )


def a_bucket(*, application: str = "hello", sealed: str = "c2VhbGVk") -> GrantedBucket:
    return GrantedBucket(
        application=application,
        purpose="entries",
        endpoint="http://127.0.0.1:8333",
        region="us-east-1",
        bucket=ids.bucket_name(DEPLOYMENT, application, "entries"),
        access_key_id="AKIAEXAMPLE",
        sealed_secret_key=sealed,
    )


def a_wish(
    *applications: str,
    options: Options | None = None,
    number: int = 1,
    run: str = RUN,
    deployment: str = DEPLOYMENT,
) -> DeploymentRequested:
    names = applications or ("hello",)
    return DeploymentRequested(
        deployment=deployment,
        run=run,
        revision=number,
        operator="01k0000000000000000000000c",
        domain="garden.example",
        applications=tuple(
            ApplicationOrder(
                application=name,
                version="1.0.0",
                host=f"{name}.garden.example",
                options=options or {},
            )
            for name in names
        ),
        resources=tuple(
            MachineRequest(
                application=name,
                cpus=1,
                memory_mib=256,
                disk_gib=4,
                http_port=80,
                health_path="/health.txt",
            )
            for name in names
        ),
    )


def a_revision(
    *,
    wish: DeploymentRequested | None = None,
    machines: Sequence[GrantedMachine] | None = None,
    buckets: Sequence[GrantedBucket] = (),
) -> Revision:
    return Revision(
        wanted=wish or a_wish(),
        machines=tuple(machines or (a_machine(),)),
        buckets=tuple(buckets),
    )
