"""Configurations: what operators want, checked in full before anything is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared import errors, ids
from shared.contracts.deployments import ApplicationOrder
from shared.contracts.happenings import HappeningType

from ..domain import options
from ..domain.backups import moved
from ..domain.deployments import Configuration, Deployment, Revision, check_hosts
from ..domain.identity import Scope
from ..domain.records import Deed
from ..domain.refusals import require_expected
from ..domain.sentences import N_, say, together
from .hosts import objections
from .staging import Staging, immutable_violations, in_full, with_what_stays

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from shared.catalogue import Application
    from shared.clock import Clock
    from shared.contracts.deployments import Options
    from shared.database import Transaction
    from shared.sealing import Sealer

    from ..domain.backups import Backup
    from ..domain.changes import ApplicationChange
    from ..domain.identity import Caller
    from ..domain.names import NameRules
    from ..ports import AuditTrail, DeploymentRegister
    from ..ports.provider import NoticeRegister
    from .allowances import Allowances
    from .happenings import Happenings
    from .hosts import Hosts
    from .offer import Offer

SECRETS_READER = "deployer"
"""The only service that ever reads an operator's secret options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationWish:
    """One application as an operator asks for it."""

    application: str
    version: str | None = None
    """None: the one that is offered, or stays what it is."""
    host: str | None = None
    """None: the application's usual name below the domain, or stays what it is."""
    options: Options
    sealed_options: Mapping[str, str] | None = None
    """Secret options that were sealed before; None: those that are staged stay."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """An application that runs and that the next deploy takes away."""

    order: ApplicationOrder
    fate: str
    """What becomes of its data, in words."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A deployment with what is staged and what is deployed."""

    deployment: Deployment
    configuration: Configuration
    deployed: Revision | None = None
    leaving: Sequence[Leaving] = ()
    changes: Sequence[ApplicationChange] = ()
    """What deploying would change of what runs."""

    @property
    def has_changes(self) -> bool:
        """Whether deploying would bring something else than what runs."""
        return self.deployed is None or bool(self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configurations:
    """Create deployments and stage configurations."""

    deployments: DeploymentRegister
    offer: Offer
    hosts: Hosts
    names: NameRules
    sealer: Sealer
    allowances: Allowances
    notices: NoticeRegister
    audit: AuditTrail
    happenings: Happenings
    clock: Clock

    async def create(
        self, tx: Transaction, caller: Caller, domain: str, wishes: Sequence[ApplicationWish]
    ) -> Staged:
        """Make a deployment on a domain, with its first configuration staged."""
        caller.require(Scope.WRITE)
        deployment = await self._create(tx, caller, domain)
        return await self._stage(tx, caller, Staging(deployment=deployment), wishes)

    async def create_like(
        self, tx: Transaction, caller: Caller, domain: str, backup: Backup, made_of: Revision
    ) -> Staged:
        """Make a deployment on a domain, configured as a backup was, its secrets included.

        Raises:
            ConflictError: that configuration cannot be deployed here any more.
        """
        caller.require(Scope.WRITE)
        deployment = await self._create(tx, caller, domain)
        orders = made_of.applications
        staging = Staging(deployment=deployment, pattern=orders)
        try:
            wishes = [_wish(it) for it in moved(orders, backup.domain, deployment.domain)]
            return await self._stage(tx, caller, staging, wishes)
        except errors.InvalidError as error:
            raise errors.ConflictError(
                "backup.outdated",
                say(
                    "The configuration of this backup cannot be deployed here now: {reason}",
                    reason=together([error.message]),
                ),
            ) from error

    async def stage(
        self,
        tx: Transaction,
        caller: Caller,
        deployment: str,
        wishes: Sequence[ApplicationWish],
        *,
        expected: Collection[int] | None,
    ) -> Staged:
        """Replace what is staged; nothing runs differently until it is deployed.

        Raises:
            StaleError: what is staged is none of the expected versions; None expects any.
        """
        staging = await self._staging(tx, caller, deployment, expected)
        return await self._stage(tx, caller, staging, wishes)

    async def stage_again(
        self,
        tx: Transaction,
        caller: Caller,
        deployment: str,
        revision: Revision,
        *,
        expected: Collection[int] | None,
    ) -> Staged:
        """Stage what a revision of the deployment was, its secrets included.

        Raises:
            ConflictError: it cannot be deployed as it was any more.
            StaleError: what is staged is none of the expected versions; None expects any.
        """
        staging = await self._staging(tx, caller, deployment, expected)
        try:
            wishes = [_wish(it) for it in revision.applications]
            return await self._stage(tx, caller, staging, wishes)
        except errors.InvalidError as error:
            reason = next(iter(error.details.values()), error.message)
            raise errors.ConflictError(
                "revision.outdated",
                say(
                    "Revision {number} cannot be deployed as it was: {reason}",
                    number=revision.number,
                    reason=together([reason]),
                ),
            ) from error

    async def get(self, tx: Transaction, caller: Caller, deployment: str) -> Staged:
        """Return what is staged and what is deployed."""
        caller.require(Scope.READ)
        found = owned(await self.deployments.find(tx, deployment), caller)
        configuration = await self.deployments.find_configuration(tx, deployment)
        if configuration is None:
            raise errors.FaultError(
                "deployment.no_configuration", f"deployment {deployment} has no configuration"
            )
        return self._staged(found, configuration, await self._deployed(tx, found))

    async def objection_to_more(self, tx: Transaction, staged: Staged) -> str:
        """Say why no application can be added to what is staged; empty: there is room."""
        there = len(staged.configuration.applications)
        try:
            await self.allowances.require_applications(
                tx, staged.deployment, before=there, wanted=there + 1
            )
        except errors.QuotaExceededError as error:
            return error.message
        return ""

    async def _staging(
        self,
        tx: Transaction,
        caller: Caller,
        deployment: str,
        expected: Collection[int] | None,
    ) -> Staging:
        caller.require(Scope.WRITE)
        found = owned(await self.deployments.lock(tx, deployment), caller)
        found.require_changeable()
        require_expected(found.version, expected)
        return Staging(
            deployment=found,
            staged=await self.deployments.find_configuration(tx, deployment),
            requested=await self.deployments.find_revision(tx, deployment),
        )

    async def _create(self, tx: Transaction, caller: Caller, domain: str) -> Deployment:
        name = self.names.check_domain(domain)
        await self.allowances.require_deployment(tx, caller.operator)
        await self.deployments.claim_domain(tx, caller.operator, name)
        deployment = Deployment(
            id=ids.new_id(), operator=caller.operator, domain=name, created_at=self.clock.now()
        )
        await self.deployments.add(tx, deployment)
        deed = Deed("deployment.created", deployment.id, {"domain": name})
        await self.audit.record(tx, caller, deed)
        await self.happenings.tell_of_deployment(tx, HappeningType.DEPLOYMENT_CREATED, deployment)
        return deployment

    async def _deployed(self, tx: Transaction, deployment: Deployment) -> Revision | None:
        if deployment.deployed_revision is None:
            return None
        number = deployment.deployed_revision
        return await self.deployments.find_revision(tx, deployment.id, number)

    async def _stage(
        self, tx: Transaction, caller: Caller, staging: Staging, wishes: Sequence[ApplicationWish]
    ) -> Staged:
        orders = self._orders(staging, wishes)
        check_hosts(orders, staging.requested)
        configuration = staging.next(orders, caller.person, self.clock)
        deployed = await self._deployed(tx, staging.deployment)
        if configuration is staging.staged:
            return self._staged(staging.deployment, configuration, deployed)
        deployment = replace(staging.deployment, version=configuration.version)
        await self._require_room(tx, staging, orders)
        await self._reserve(tx, deployment, orders)
        await self.deployments.save(tx, deployment)
        await self.deployments.stage(tx, configuration)
        details = {"version": str(configuration.version)}
        await self.audit.record(tx, caller, Deed("configuration.staged", deployment.id, details))
        return self._staged(deployment, configuration, deployed)

    def _staged(
        self, deployment: Deployment, configuration: Configuration, deployed: Revision | None
    ) -> Staged:
        kept = {it.application for it in configuration.applications}
        runs = deployed.applications if deployed else ()
        leaving = [
            Leaving(it, self.offer.fate_of(it.application))
            for it in runs
            if it.application not in kept
        ]
        # Deployed again, the same version is the same revision, whatever the defaults are by now.
        is_same = deployed is not None and deployed.configuration == configuration.version
        changes = () if is_same else self.offer.changes(runs, configuration.applications)
        return Staged(deployment, configuration, deployed, leaving, changes)

    def _orders(
        self, staging: Staging, wishes: Sequence[ApplicationWish]
    ) -> tuple[ApplicationOrder, ...]:
        """Turn wishes into orders, or name everything that is wrong with them at once."""
        problems: dict[str, str] = {}
        said: list[str] = []
        if not wishes:
            said.append(N_("Choose at least one application."))
            problems["/applications"] = said[0]
        orders = []
        for index, wish in enumerate(wishes):
            try:
                orders.append(self._order(staging, wish))
            except errors.InvalidError as error:
                for field, reason in error.details.items():
                    problems[f"/applications/{index}/{field.lstrip('/')}"] = reason
                    said.append(in_full(wish.application, field, reason))
        if problems:
            message = said[0]
            if len(problems) > 1:
                message = together([message, say("({count} errors in all.)", count=len(problems))])
            raise errors.InvalidError("configuration.invalid", message, details=problems)
        return tuple(orders)

    def _order(self, staging: Staging, wish: ApplicationWish) -> ApplicationOrder:
        offered = self.offer.choose(wish.application)
        earlier = staging.find_staged(wish.application)
        domain = staging.deployment.domain
        kept = earlier.host if earlier else f"{offered.host_label}.{domain}"
        version = wish.version or (earlier.version if earlier else None)
        sealed = wish.sealed_options
        if sealed is None:
            sealed = earlier.sealed_options if earlier else {}
        schema = offered.options_schema
        requested = staging.find_requested(wish.application)
        chosen = with_what_stays(offered, wish.options, requested)
        found = options.check(schema, chosen, sealed)
        found |= immutable_violations(offered, chosen, requested)
        if found:
            raise errors.InvalidError(
                "options.invalid",
                say("The options of {application} have errors.", application=wish.application),
                details={f"options{pointer}": reason for pointer, reason in found.items()},
            )
        submitted = options.split(schema, chosen, sealed)
        return ApplicationOrder(
            application=wish.application,
            version=self.offer.choose_version(offered, version),
            host=self._host(offered, wish.host or kept, earlier, domain),
            options=submitted.plain,
            sealed_options={name: sealed[name] for name in submitted.kept}
            | {
                name: self.sealer.seal(SECRETS_READER, value)
                for name, value in submitted.secrets.items()
            },
        )

    def _host(
        self, offered: Application, host: str, earlier: ApplicationOrder | None, domain: str
    ) -> str:
        """Return the host of an application; what was accepted before stays so."""
        if earlier is not None and earlier.host == host:
            return host
        found = self.names.check_host(host, domain)
        if any(it.public for it in offered.buckets):
            self.names.check_media(found, domain)
        return found

    async def _require_room(
        self, tx: Transaction, staging: Staging, orders: Sequence[ApplicationOrder]
    ) -> None:
        """Refuse applications that are added though nobody may choose them, or too many."""
        withheld = await self.notices.withheld(tx)
        added = [
            (place, it.application)
            for place, it in enumerate(orders)
            if staging.find_staged(it.application) is None
            and staging.find_requested(it.application) is None
        ]
        problems = {
            f"/applications/{place}/application": say(
                "{name} cannot be chosen now: {reason}", name=name, reason=withheld[name]
            )
            for place, name in added
            if name in withheld
        }
        if problems:
            message = next(iter(problems.values()))
            raise errors.InvalidError("application.withheld", message, details=problems)
        before = len(staging.staged.applications) if staging.staged else 0
        await self.allowances.require_applications(
            tx, staging.deployment, before=before, wanted=len(orders)
        )

    async def _reserve(
        self, tx: Transaction, deployment: Deployment, orders: Sequence[ApplicationOrder]
    ) -> None:
        """Hold the hosts of what is to be staged as well."""
        taken = await self.hosts.hold(tx, deployment.id, orders)
        if taken:
            reasons = objections(orders, taken, deployment.domain)
            usual = say("{hosts} is already in use by another deployment.", hosts=", ".join(taken))
            message = next(iter(reasons.values()), usual)
            pointers = {f"/applications/{index}/host": it for index, it in reasons.items()}
            raise errors.ConflictError("host.taken", message, details=pointers)


def _wish(order: ApplicationOrder) -> ApplicationWish:
    return ApplicationWish(
        application=order.application,
        version=order.version,
        host=order.host,
        options=order.options,
        sealed_options=order.sealed_options,
    )


def owned(deployment: Deployment | None, caller: Caller) -> Deployment:
    """Return the deployment if it is the caller's; another's answers as if it did not exist."""
    if deployment is None or deployment.operator != caller.operator:
        raise errors.NotFoundError("deployment.not_found", "There is no such deployment.")
    return deployment
