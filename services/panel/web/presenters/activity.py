"""What was done, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shared import ids

from ..languages import N_
from ..languages import gettext as _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ...domain.audit import AuditEntry

SUBJECTS: Final[Mapping[str, str]] = {
    "deployment": N_("Deployments"),
    "configuration": N_("Configurations"),
    "deploy": N_("Deploying"),
    "remove": N_("Removals"),
    "backup": N_("Backups"),
    "restore": N_("Restores"),
    "run": N_("Runs"),
    "credential": N_("First passwords"),
    "session": N_("Signing in and out"),
    "sign_in": N_("Failed attempts to sign in"),
    "person": N_("Accounts"),
    "second_factor": N_("Apps for codes"),
    "membership": N_("Roles"),
    "invitation": N_("Invitations"),
    "token": N_("API tokens"),
    "domain": N_("Domains"),
    "webhook": N_("Webhooks"),
    "quota": N_("Quotas"),
    "application": N_("Catalogue"),
    "notice": N_("Notice"),
    "dead_letter": N_("Dead letters"),
    "draft": N_("Drafts"),
    "notifications": N_("Notifications"),
}
"""What one may narrow the list down to: the first part of an action, and its name."""
SENTENCES: Final[Mapping[str, str]] = {
    "deployment.created": N_("created a deployment"),
    "configuration.staged": N_("changed a configuration"),
    "deploy.requested": N_("asked for a deploy"),
    "remove.requested": N_("asked for a removal"),
    "restart.requested": N_("asked for a restart"),
    "pause.requested": N_("asked for a pause"),
    "resume.requested": N_("asked to go on"),
    "backup.requested": N_("asked for a backup"),
    "restore.requested": N_("asked for a restore"),
    "remove_backup.requested": N_("asked for the removal of a backup"),
    "run.cancelled": N_("cancelled a run"),
    "credential.revealed": N_("revealed a first password"),
    "session.began": N_("signed in"),
    "session.ended": N_("signed out"),
    "session.others_ended": N_("signed out everywhere else"),
    "session.confirmed": N_("confirmed who it is"),
    "session.not_confirmed": N_("failed to confirm who it is"),
    "session.switched": N_("acted for another operator"),
    "sign_in.failed": N_("failed to sign in"),
    "sign_in_code.made": N_("a sign-in link was printed"),
    "person.created": N_("a person was made"),
    "person.changed": N_("changed the profile"),
    "person.password_changed": N_("changed the password"),
    "second_factor.added": N_("added an app for codes"),
    "second_factor.removed": N_("took the app for codes away"),
    "recovery_codes.renewed": N_("made new recovery codes"),
    "membership.changed": N_("changed a role"),
    "membership.ended": N_("ended a membership"),
    "invitation.made": N_("invited somebody"),
    "invitation.revoked": N_("took an invitation back"),
    "invitation.accepted": N_("accepted an invitation"),
    "token.created": N_("made an API token"),
    "token.revoked": N_("revoked an API token"),
    "domain.checked": N_("looked at the records of a domain"),
    "quota.set": N_("decided how much an operator may have"),
    "application.withheld": N_("took an application out of the catalogue"),
    "application.offered": N_("offered an application again"),
    "notice.set": N_("put a notice on every page"),
    "notice.withdrawn": N_("took the notice away"),
    "dead_letter.replayed": N_("had a message handled again"),
    "dead_letter.discarded": N_("gave a message up"),
    "draft.created": N_("began a draft"),
    "draft.saved": N_("saved a draft"),
    "draft.discarded": N_("discarded a draft"),
    "webhook.created": N_("added an endpoint"),
    "webhook.changed": N_("changed an endpoint"),
    "webhook.removed": N_("removed an endpoint"),
    "webhook.rotated": N_("renewed the secret of an endpoint"),
    "webhook.tested": N_("sent a test to an endpoint"),
    "webhook.resent": N_("sent a message again"),
    "webhook.disabled": N_("an endpoint was switched off"),
    "notifications.chosen": N_("chose what to be told"),
}
"""What somebody did, by action; one that is not here is shown as it is."""
PAGES: Final[Mapping[str, str]] = {
    "deployment": "/deployments/",
    "configuration": "/deployments/",
    "deploy": "/deployments/",
    "remove": "/deployments/",
    "restart": "/deployments/",
    "pause": "/deployments/",
    "resume": "/deployments/",
    "backup": "/deployments/",
    "restore": "/deployments/",
    "credential": "/deployments/",
    "run": "/runs/",
}
"""Where the object of an action has a page."""
NAMES: Final[Mapping[str, str]] = {
    "by": N_("by"),
    "domain": N_("domain"),
    "application": N_("application"),
    "revision": N_("revision"),
    "run": N_("run"),
    "backup": N_("backup"),
    "name": N_("name"),
    "email": N_("e-mail address"),
    "role": N_("role"),
    "scopes": N_("scopes"),
    "from": N_("from"),
    "to": N_("to"),
    "operator": N_("operator"),
    "ended": N_("ended"),
    "version": N_("version"),
    "reason": N_("reason"),
    "message": N_("message"),
    "url": N_("address"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEntry:
    """One deed as it is shown."""

    at: datetime
    who: str
    token_name: str | None
    operator: str | None
    operator_name: str | None
    what: str
    object: str
    href: str
    details: Sequence[tuple[str, str]]
    address: str | None


def present(it: AuditEntry) -> ShownEntry:
    """Return how an entry is shown."""
    known = SENTENCES.get(it.action)
    page = PAGES.get(it.action.partition(".")[0], "")
    return ShownEntry(
        at=it.at,
        who=it.person_name or _("Hosting provider"),
        token_name=it.token_name,
        operator=it.operator,
        operator_name=it.operator_name,
        what=_(known) if known else it.action,
        object=it.object,
        href=page + it.object if page and ids.is_id(it.object) else "",
        details=[
            (_(NAMES[name]) if name in NAMES else name, value)
            for name, value in sorted(it.details.items())
            if value
        ],
        address=it.address,
    )


def subjects() -> Sequence[tuple[str, str]]:
    """Return what one may narrow the list down to."""
    return [(key, _(name)) for key, name in SUBJECTS.items()]
