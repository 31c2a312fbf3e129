"""What errors tell to whom."""

from __future__ import annotations

from shared import errors
from shared.jobs.holding import failure_of


def test_what_a_program_complained_about_is_for_the_log_alone() -> None:
    error = errors.CommandError(("/usr/bin/nix-build", "x"), 1, "at /srv/private/place\n")

    told = failure_of(error)

    assert told.code == "command.failed"
    assert told.message == "nix-build ended with status 1; the provider's log has the details"
    assert str(error) == "command.failed: nix-build ended with status 1: at /srv/private/place"


def test_an_error_without_secrets_says_the_same_to_everybody() -> None:
    error = errors.FaultError("a.b", "It broke.")

    assert error.in_full == error.message == failure_of(error).message
