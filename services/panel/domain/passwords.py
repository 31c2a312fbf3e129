"""Passwords: long enough, not one that everybody tries first, and otherwise as people like.

No rules about kinds of characters, and no changes by the calendar: both make passwords worse.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from pydantic import SecretStr

from shared import errors

from .sentences import N_, say

SHORTEST: Final = 12
LONGEST: Final = 256
DIFFERENT: Final = 5
"""Characters that have to differ."""
OWN: Final = 6
"""Characters that have to be left when what everybody knows of a person is taken away."""
ROWS: Final = (
    *("abcdefghijklmnopqrstuvwxyz", "01234567890123456789"),
    *("qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn"),
    *("1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm", "q1w2e3r4t5y6u7i8o9p0"),
)
# What is left of the passwords that are found most often in leaked lists, and are long enough.
_WORDS: Final = """
admin administrator adminadmin access america baseball batman charlie changeme computer
correcthorsebatterystaple default donald dragon facebook fediverse fediversity football
freedom geheim google hallo hello iloveyou internet jordan killer letmein liverpool login
loveme mastodon master michael mijnwachtwoord monkey motdepasse mustang nevergiveup ninja
operator panel pass passphrase password passwort peertube pixelfed pokemon princess private
provider qwerty root samsung secret server shadow starwars summer sunshine superman support
supersecret system temp temporary test thisismypassword trustno trustnoone unknown user
wachtwoord welcome welkom whatever willkommen winter
"""
WORDS: Final = frozenset(_WORDS.split())
LEET: Final = str.maketrans("0134578@$!", "oleastbasi")


def read(text: str) -> SecretStr:
    """Return a password as it is compared: one text, however a keyboard composed it."""
    return SecretStr(unicodedata.normalize("NFKC", text))


def require_good(password: SecretStr, *known: str) -> None:
    """Check a new password.

    Args:
        password: what somebody wants to sign in with.
        known: what everybody knows of this person, such as name and e-mail address.

    Raises:
        InvalidError: it is too short, too long, or among the first that are tried.
    """
    message = _weakness(password.get_secret_value(), known)
    if message is not None:
        raise errors.InvalidError("password.weak", message, details={"password": message})


def _weakness(text: str, known: tuple[str, ...]) -> str | None:
    if len(text) < SHORTEST:
        return say(
            "The password must have {least} characters or more; a few words in a row are easy to "
            "keep.",
            least=SHORTEST,
        )
    if len(text) > LONGEST:
        return say("The password must have {most} characters or fewer.", most=LONGEST)
    if _is_common(text.lower()):
        return N_("The password is among those that are tried first; choose another.")
    if _is_known(text.lower(), known):
        return N_("The password says little besides who you are; choose another.")
    return None


def _is_common(text: str) -> bool:
    if len(set(text)) < DIFFERENT or any(text in row * 3 or text[::-1] in row * 3 for row in ROWS):
        return True
    ends = re.sub(r"[\W\d_]+\Z", "", text)
    bare = (re.sub(r"[\W\d_]+", "", it) for it in (text, ends.translate(LEET)))
    return any(_is_word(it) for it in bare)


def _is_word(letters: str) -> bool:
    """Say whether letters are nothing but well-known words, one after another."""
    reached = {0}
    for end in range(1, len(letters) + 1):
        if any(start in reached and letters[start:end] in WORDS for start in range(end)):
            reached.add(end)
    return bool(letters) and len(letters) in reached


def _is_known(text: str, known: tuple[str, ...]) -> bool:
    parts = (part for it in known for part in re.split(r"[\s@.]+", it.lower()))
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, "") if len(part) > 2 else text  # noqa: PLR2004 - else it is chance
    return len(text) < OWN
