"""The settings of a service as a Markdown table, for `--print-settings` and its README."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]


def render(settings: type[BaseModel]) -> str:
    """Return what can be set, its default and what it means."""
    prefix = str(settings.model_config.get("env_prefix", ""))
    lines = ["| Variable | Default | Meaning |", "|---|---|---|"]
    rows = _rows(settings, prefix)
    return "\n".join(
        [*lines, *(f"| `{name}` | {default} | {text} |" for name, default, text in rows)]
    )


def _rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            yield from _rows(type(default), f"{prefix}{name.upper()}__")
        elif SecretStr in (field.annotation, *get_args(field.annotation)):
            yield prefix.lower() + name, "(a file)", field.description or ""
        else:
            yield prefix + name.upper(), _shown(default), field.description or ""


def _shown(default: object) -> str:
    """Return a default as a table shows it; what lies in the checkout is seen from there."""
    if isinstance(default, Path) and default.is_relative_to(ROOT):
        default = default.relative_to(ROOT)
    return f"`{default}`" if default or default == 0 else ""
