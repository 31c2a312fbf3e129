"""The offer: which applications operators can choose here, and what each of them asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors
from shared.contracts.deployments import BucketRequest
from shared.contracts.state import CarriedApplication, CarriedBucket

from ..domain.changes import changes
from ..domain.sentences import N_, say, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shared.catalogue import Application, Catalogue
    from shared.contracts.deployments import ApplicationOrder, Resource
    from shared.provider import Size

    from ..domain.changes import ApplicationChange
    from ..domain.deployments import Revision
    from ..domain.sentences import Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The catalogue, as this provider's sizes allow it."""

    catalogue: Catalogue
    sizes: Mapping[str, Size]
    machine_days: int
    """How long a machine waits for applications that were taken out of it."""

    def list_applications(self) -> Sequence[Application]:
        """Return every application, by name."""
        return [self.catalogue.applications[name] for name in sorted(self.catalogue.applications)]

    def find(self, name: str) -> Application | None:
        """Return an application, or None."""
        return self.catalogue.applications.get(name)

    def title_of(self, name: str) -> str:
        """Return what people call an application; its name where it is not offered any more."""
        found = self.find(name)
        return found.title if found else name

    def choose(self, name: str) -> Application:
        """Return the application that an operator chose.

        Raises:
            InvalidError: there is none of this name here; the message lists those there are.
        """
        found = self.find(name)
        if found is None:
            known = ", ".join(sorted(self.catalogue.applications))
            message = say(
                "There is no application {name} here. There are: {known}.",
                name=name[:64],
                known=known,
            )
            raise errors.InvalidError(
                "application.unknown", message, details={"application": message}
            )
        return found

    def choose_version(self, application: Application, wanted: str | None) -> str:
        """Return the version that an operator chose, or the newest.

        Raises:
            InvalidError: this version is not offered.
        """
        if wanted is None:
            return application.newest_version
        if wanted not in application.versions:
            message = say(
                "{name} is offered in: {versions}.",
                name=application.name,
                versions=", ".join(application.versions),
            )
            raise errors.InvalidError("application.version", message, details={"version": message})
        return wanted

    def completed(self, orders: Sequence[ApplicationOrder]) -> tuple[ApplicationOrder, ...]:
        """Return orders with the defaults of every option that was not chosen."""
        return tuple(
            it.model_copy(update={"options": self.choose(it.application).completed(it.options)})
            for it in orders
        )

    def changes(
        self, before: Sequence[ApplicationOrder], after: Sequence[ApplicationOrder]
    ) -> Sequence[ApplicationChange]:
        """Compare with defaults filled in: staged options may rely on them, revisions do not."""
        return changes(self._known_completed(before), self._known_completed(after))

    def resources(
        self,
        orders: Sequence[ApplicationOrder],
        domain: str,
        earlier: Iterable[Resource] = (),
    ) -> tuple[Resource, ...]:
        """Return what these orders on a domain ask of the provider, after what was asked before."""
        return self.catalogue.resources(orders, self.sizes, domain, earlier)

    def carried(self, revision: Revision) -> tuple[CarriedApplication, ...]:
        """Return what of a revision's applications belongs to their state, by their packages.

        Raises:
            ConflictError: the package of an application is not in the catalogue any more.
        """
        return tuple(
            CarriedApplication(
                application=it.application,
                version=it.version,
                buckets=self._carried_buckets(it.application, revision),
            )
            for it in revision.applications
        )

    def fate_of(self, name: str) -> Sentence:
        """Return what becomes of the data of an application that is taken out of a deployment."""
        said: list[str] = [say("{name} is stopped with the next deploy.", name=name)]
        application = self.find(name)
        state = application.state if application else None
        if state is None or state.buckets:
            said.append(
                N_("Its objects in the store are kept, unused, until the deployment is removed.")
            )
        if state is None or state.databases or state.paths:
            said.append(
                say(
                    "Its database and files stay on its machine, unused. If nothing else is on "
                    "that machine, it is switched off and removed after {days} days; added again "
                    "before, {name} goes on with them. Make a backup first if they may be wanted "
                    "later.",
                    days=self.machine_days,
                    name=name,
                )
            )
        return together(said)

    def _known_completed(self, orders: Sequence[ApplicationOrder]) -> Sequence[ApplicationOrder]:
        """Return orders completed, those as they are whose application is not offered any more."""
        return [
            order
            for it in orders
            for order in (self.completed([it]) if self.find(it.application) else [it])
        ]

    def _carried_buckets(self, name: str, revision: Revision) -> tuple[CarriedBucket, ...]:
        application = self.find(name)
        if application is None:
            raise errors.ConflictError(
                "application.gone",
                say(
                    "{name} is not offered here any more, so nobody knows what its state consists "
                    "of. Ask the hosting provider to offer it again.",
                    name=name,
                ),
            )
        purposes = {
            it.purpose
            for it in revision.resources
            if isinstance(it, BucketRequest) and it.application == name
        }
        return tuple(
            CarriedBucket(purpose=it.purpose, prefixes=it.prefixes, excludes=it.excludes)
            for it in application.state.buckets
            if it.purpose in purposes
        )
