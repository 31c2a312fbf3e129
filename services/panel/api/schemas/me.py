"""Who is asking, as the API shows it."""

from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict

from ...domain.identity import Role, Scope
from .. import examples
from .shape import Answer


class Me(Answer):
    """Who is asking."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ME]})

    person: str
    person_name: str
    operator: str
    operator_name: str
    role: Role
    scopes: Annotated[tuple[Scope, ...], BeforeValidator(sorted)]
    expires_at: datetime | None
