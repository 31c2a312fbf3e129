"""Moving: what a person has to know before applications come back on another domain.

No package says yet that its host can never change, and nothing rewrites addresses in what an
application holds: so it is not refused, and it is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.catalogue import SecretKind, SecretScope
from shared.contracts.deployments import BucketRequest

from .sentences import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.catalogue import Application
    from shared.contracts.deployments import ApplicationOrder

    from .deployments import Deployment, Revision


def cautions(
    source: Deployment, domain: str, made_of: Revision, found: Mapping[str, Application]
) -> tuple[str, ...]:
    """Return what to know of a backup that comes back on this domain; empty: it was there before.

    Args:
        source: what the backup was made of.
        domain: where it is to come back.
        made_of: the revision that the backup was made of.
        found: the packages of its applications.
    """
    if domain == source.domain:
        return ()
    said = [] if source.removed_at else [_two(source, domain)]
    for order in made_of.applications:
        said += _cautions_of(order, made_of, found[order.application], source)
    return tuple(said)


def _two(source: Deployment, domain: str) -> str:
    return say(
        "{source} goes on as it is: from now on, what people write there is not at {domain}, nor "
        "the other way round.",
        source=source.domain,
        domain=domain,
    )


def _cautions_of(
    order: ApplicationOrder, made_of: Revision, package: Application, source: Deployment
) -> Iterator[str]:
    name, state = order.application, package.state
    if state.databases or state.paths or state.buckets:
        yield say(
            "{name} brings what it holds as it is. Addresses at {hosts} in it are not rewritten, "
            "and lead there or nowhere.",
            name=name,
            hosts=", ".join([order.host, *_media_hosts(name, made_of)]),
        )
    if any(_is_identity(it.scope, it.generate) for it in state.secrets):
        yield say(
            "{name} brings the keys with which it signs as {host}. For other servers it is "
            "somebody else on another host: those who follow it there do not follow it here.",
            name=name,
            host=order.host,
        )
        if source.removed_at is None:
            yield say(
                "{name} still signs as {host} there: with both at work, two act with the keys of "
                "one. Pause or remove {source} before the last run begins, unless the copy is "
                "only to be looked at.",
                name=name,
                host=order.host,
                source=source.domain,
            )


def _media_hosts(name: str, made_of: Revision) -> list[str]:
    return [
        it.public_host
        for it in made_of.resources
        if isinstance(it, BucketRequest) and it.application == name and it.public_host
    ]


def _is_identity(scope: SecretScope, made_as: SecretKind | None) -> bool:
    """Say whether others know an application by a secret: by the key pair that it carries."""
    return scope is SecretScope.MUST_CARRY and made_as is SecretKind.RSA_2048
