"""Dead letters, as the API shows them."""

from datetime import datetime

from pydantic import ConfigDict

from ...domain.dead_letters import LetterState
from .. import examples
from .shape import Answer, Id


class DeadLetterAnswer(Answer):
    """A message that a service could not handle."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DEAD_LETTER]})

    id: Id
    service: str
    event: str
    reason: str
    state: LetterState
    deployment: Id
    run: str | None
    message: str
    announced_at: datetime
    decided_at: datetime | None
