"""Read what is asked for, do it, say what became of it."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import request
from failures import RequestError, StateError
from progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

# Where each verb lies; nothing is read that is not needed.
VERBS: Final = {
    "export": ("exporting", "export"),
    "import": ("importing", "run"),
    "verify": ("importing", "verify"),
    "fingerprint": ("looking", "fingerprint"),
    "status": ("looking", "status"),
}
DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
AGAIN: Final = 75
"""Failed for now; the same may succeed later."""
ARGUMENTS: Final = 2
LONGEST_REQUEST: Final = 2**20
# A mistake of ours, or something that nobody thought of; never a reason to say nothing.
UNFORESEEN: Final = (
    *(ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, LookupError),
    *(RuntimeError, TypeError, ValueError),
)
FULL: Final = (errno.ENOSPC, errno.EDQUOT)
USAGE: Final = f"usage: fediversity-state {'|'.join(VERBS)} APPLICATION < REQUEST"


def main(arguments: Sequence[str]) -> int:
    """Do one verb; return the exit status."""
    # Only what is asked for decides which database is meant.
    for name in [it for it in os.environ if it.startswith(("PG", "AWS_", "RESTIC_"))]:
        del os.environ[name]
    os.umask(0o077)
    progress = Progress(sys.stdout)
    try:
        result = _done(arguments, progress)
    except RequestError as error:
        message = f"the request is wrong: {error}; nothing was changed"
        failure = {"code": "request.invalid", "message": message, "mistakes": error.mistakes}
        progress.say({"error": failure})
        return MISUSED
    except StateError as error:
        progress.say({"error": {"code": error.code, "message": error.message}})
        return AGAIN if error.is_retryable else FAILED
    except OSError as error:
        progress.say({"error": _refused(error)})
        return FAILED
    except MemoryError:
        message = "this machine has too little memory; run the same again when there is more"
        progress.say({"error": {"code": "memory.missing", "message": message}})
        return AGAIN
    except UNFORESEEN as error:
        # What it says may hold what was read; where it happened does not.
        where = traceback.extract_tb(error.__traceback__)[-1]
        message = (
            f"{type(error).__name__} in {Path(where.filename).name}, line {where.lineno}, which "
            "nobody foresaw; report it, and do not trust the export if it is somebody else's"
        )
        progress.say({"error": {"code": "program.failed", "message": message}})
        return FAILED
    progress.say({"result": result})
    return DONE


def _refused(error: OSError) -> dict[str, str]:
    """Return what is said when the machine itself refuses something."""
    code, advice = ("machine.failed", "see to its disk and its rights")
    if error.errno in FULL:
        code, advice = ("space.missing", "make room on its disk")
    place = f" at {error.filename}" if error.filename else ""
    what = f"this machine refuses{place}: {error.strerror or error}"
    return {"code": code, "message": f"{what}; {advice}, then run the same again"}


def _done(arguments: Sequence[str], progress: Progress) -> dict[str, Any]:
    if len(arguments) != ARGUMENTS or arguments[0] not in VERBS:
        raise RequestError([USAGE])
    verb, application = arguments
    asked = request.read(application, verb, _standard_input())
    module, function = VERBS[verb]
    result: dict[str, Any] = getattr(importlib.import_module(module), function)(asked, progress)
    return result


def _standard_input() -> str:
    content = sys.stdin.buffer.read(LONGEST_REQUEST + 1)
    if len(content) > LONGEST_REQUEST:
        raise RequestError([f"the document: is longer than {LONGEST_REQUEST} bytes"])
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise RequestError(["the document: is not UTF-8"]) from None
