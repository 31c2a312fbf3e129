"""Panel as a whole: everything that a request may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.database import Database

    from ..ports import IdempotencyLedger
    from .access import Access
    from .accounts import Accounts
    from .audit import Audit
    from .backups import Backups
    from .configurations import Configurations
    from .credentials import Credentials
    from .dead_letters import DeadLetters
    from .domains import Domains
    from .drafts import Drafts
    from .feed import Feed
    from .history import History
    from .interventions import Interventions
    from .notifications import Notifications
    from .offer import Offer
    from .past_revisions import PastRevisions
    from .people import People
    from .provider import ProviderAffairs
    from .reports import Reports
    from .retrying import Retrying
    from .runs import Runs
    from .sessions import Sessions
    from .sign_in import SignIn
    from .tokens import Tokens
    from .webhooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The use cases, by subject."""

    database: Database
    access: Access
    accounts: Accounts
    audit: Audit
    people: People
    tokens: Tokens
    sign_in: SignIn
    sessions: Sessions
    offer: Offer
    configurations: Configurations
    past_revisions: PastRevisions
    drafts: Drafts
    credentials: Credentials
    runs: Runs
    reports: Reports
    retrying: Retrying
    interventions: Interventions
    backups: Backups
    history: History
    letters: DeadLetters
    provider: ProviderAffairs
    domains: Domains
    idempotency: IdempotencyLedger
    feed: Feed
    notifications: Notifications
    webhooks: Webhooks
