"""The settings of a service as a Markdown table, for `--print-settings` and its README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        elif field.annotation is SecretStr:
            yield prefix.lower() + name, "(a file)", field.description or ""
        else:
            shown = f"`{default}`" if default or default == 0 else ""
            yield prefix + name.upper(), shown, field.description or ""
