"""Failures in words: what other services say, known by its code or kind in other languages.

Services say in English what went wrong, with names and numbers in it. For readers of another
language a sentence of ours stands for each code that operators meet; what has none is shown as it
was said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .sentences import N_, retell, say, together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from shared.contracts.happenings import AilmentData

    from .sentences import Sentence

KNOWN: Final[Mapping[str, str]] = {
    "application.no_size": N_("An application needs a larger machine than there is here."),
    "application.not_healthy": N_("An application did not become well in time."),
    "application.not_quiesced": N_("An application did not come to rest in time."),
    "application.not_restored": N_("An application does not take what the backup holds."),
    "backup.application_missing": N_("The backup holds nothing of an application that runs now."),
    "backup.being_returned": N_("The backup is in use: a restore from it is being tidied up."),
    "backup.bucket_missing": N_("The backup holds files for which there is no place here."),
    "backup.damaged": N_("The backup is damaged. Restore another one."),
    "backup.export_differs": N_("What was saved is not what was asked for."),
    "backup.incomplete": N_("The backup is not complete."),
    "backup.lent": N_("The backup is in use: another deployment is being restored from it."),
    "backup.not_exported": N_("Not everything could be saved."),
    "backup.stores": N_("The files lie in several stores, and a backup needs them in one."),
    "backup.unknown": N_("There is no such backup any more."),
    "bus.unavailable": N_("The services could not reach each other."),
    "cancelled": N_("Somebody stopped this run."),
    "certificate.missing": N_("Visitors are shown no certificate yet."),
    "command.failed": N_("A program on the machine failed. The provider's log has the details."),
    "command.timeout": N_("A program on the machine did not end in time."),
    "database.unavailable": N_("A database of the provider did not answer."),
    "deployer.disk_full": N_("A disk of the provider is full."),
    "deployment.not_kept": N_("The applications were not well afterwards."),
    "deployment.nothing_deployed": N_("Nothing of this deployment is in place. Deploy it first."),
    "deployment.nothing_runs": N_("Nothing of this deployment runs yet. Deploy it first."),
    "export.incomplete": N_("The backup lacks databases or files of an application."),
    "fault.unexpected": N_("Something broke that nobody expected. The provider's log has it."),
    "job.keeps_going_back": N_("The machine started again and again."),
    "machine.access_denied": N_("The machine does not let the provider's key in."),
    "machine.disk_full": N_("The disk of the machine is full."),
    "machine.host_key_changed": N_("Another machine answers in the place of this one."),
    "machine.image_packages": N_("The machine is too old for what an application needs by now."),
    "machine.memory_full": N_("The provider has not enough memory left for the machine."),
    "machine.other_identity": N_("Another machine is in the place of this one."),
    "machine.unreachable": N_("The machine does not answer."),
    "outside.no_answer": N_("The applications do not answer from outside."),
    "outside.unhealthy": N_("An application answers from outside, but not as it should."),
    "permit.held_elsewhere": N_("Another deployment answers for the same names."),
    "permit.overtaken": N_("A newer deploy has taken over meanwhile. Deploy again."),
    "placement.too_large": N_("There is no machine here that is large enough."),
    "route.host_taken": N_("A name belongs to another deployment."),
    "run.not_begun": N_("The run that this one waited for did not succeed."),
    "secret.differs": N_("A secret is not the one that was saved. Restore another backup."),
    "secret.missing": N_("A secret is missing, without which a backup is worth little."),
    "step.timeout": N_("A step took too long and was cut off."),
    "store.full": N_("The store for files is full."),
    "store.limit": N_("A limit of the store for files is reached."),
    "store.refused": N_("The store for files refuses the provider's key."),
    "store.unavailable": N_("The store for files does not answer."),
    "version.differs": N_("The backup is of another version of an application than runs here."),
}


AILMENTS: Final[Mapping[str, str]] = {
    "unit": N_("A part of it has stopped"),
    "http": N_("It does not answer"),
    "disk": N_("Its disk is nearly full"),
    "certificate": N_("Its certificate is not good"),
}
"""What is not well with an application, by the kind of it."""


def ailing(ailments: Iterable[AilmentData]) -> Sentence:
    """Return what is not well, without what machines say of it."""
    return together(
        say("{application}: {what}.", application=it.application, what=say(AILMENTS[it.kind]))
        for it in ailments
        if it.kind in AILMENTS
    )


def why(code: str, message: str, translate: Callable[[str], str]) -> str:
    """Return why a run failed: as it was said, or known by its code in another language."""
    return otherwise(message, KNOWN.get(code, ""), translate)


def otherwise(message: str, known: str, translate: Callable[[str], str]) -> str:
    """Return what was said, or what stands for it where that is known in another language."""
    said = retell(known, translate)
    return retell(message, translate) if said == known else said
