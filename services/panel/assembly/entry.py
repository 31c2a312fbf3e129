"""What lets people and programs in, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import clock
from shared.sealing import Sealer

from ..adapters.argon2_passwords import Argon2PasswordHasher
from ..adapters.postgres_attempts import PostgresAttemptLedger
from ..adapters.postgres_audit import PostgresAuditView
from ..adapters.postgres_codes import PostgresCodeRegister
from ..adapters.postgres_identities import PostgresAuditTrail, PostgresIdentityRegister
from ..adapters.postgres_invitations import PostgresInvitationRegister
from ..adapters.postgres_people import PostgresPersonRegister
from ..adapters.postgres_sessions import PostgresSessionRegister
from ..adapters.postgres_tokens import PostgresTokenRegister
from ..service.access import Access
from ..service.accounts import Accounts
from ..service.audit import Audit
from ..service.conductor import SERVICE
from ..service.people import People
from ..service.sessions import Sessions
from ..service.sign_in import SignIn
from ..service.tokens import Tokens

if TYPE_CHECKING:
    from shared.database import Database
    from shared.sealing import Unsealer

    from ..service.happenings import Happenings


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The use cases around who may do what."""

    accounts: Accounts
    sign_in: SignIn
    sessions: Sessions
    people: People
    tokens: Tokens
    audit: Audit


def entry_of(database: Database, unsealer: Unsealer, happenings: Happenings) -> Entry:
    """Put together what people do about their own entry, and others' to their operator."""
    audit, people, codes = PostgresAuditTrail(), PostgresPersonRegister(), PostgresCodeRegister()
    registered, hasher = PostgresSessionRegister(), Argon2PasswordHasher()
    attempts = PostgresAttemptLedger()
    sessions = Sessions(sessions=registered, audit=audit)
    accounts = Accounts(
        database=database,
        people=people,
        sessions=registered,
        codes=codes,
        attempts=attempts,
        passwords=hasher,
        sealer=Sealer({SERVICE: unsealer.recipient}),
        clock=clock.system,
        audit=audit,
    )
    sign_in = SignIn(
        database=database,
        people=people,
        registered=registered,
        codes=codes,
        attempts=attempts,
        passwords=hasher,
        unsealer=unsealer,
        sessions=sessions,
        clock=clock.system,
        audit=audit,
    )
    circle = People(
        database=database,
        people=people,
        invitations=PostgresInvitationRegister(),
        attempts=attempts,
        passwords=hasher,
        sessions=sessions,
        clock=clock.system,
        audit=audit,
    )
    tokens = Tokens(
        identities=PostgresIdentityRegister(),
        issued=PostgresTokenRegister(),
        people=people,
        clock=clock.system,
        audit=audit,
        happenings=happenings,
    )
    return Entry(
        accounts=accounts,
        sign_in=sign_in,
        sessions=sessions,
        people=circle,
        tokens=tokens,
        audit=Audit(database=database, entries=PostgresAuditView()),
    )


def assemble_access() -> Access:
    """Put together what lets the first people in, and programs."""
    return Access(
        identities=PostgresIdentityRegister(),
        codes=PostgresCodeRegister(),
        clock=clock.system,
        audit=PostgresAuditTrail(),
    )
