"""The OpenAPI document: what FastAPI derives, with problems as the answers they really are."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from . import problems

PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
DERIVED: Final = ("HTTPValidationError", "ValidationError")
"""What FastAPI would answer to a request with errors; here that is a problem too."""


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the document of an application, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        schemas = document["components"]["schemas"]
        problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs") | {"Problem": problem}
        for name in DERIVED:
            schemas.pop(name, None)
        for schema in schemas.values():
            _exemplify_list(schema, schemas)
        for path in document["paths"].values():
            for operation in path.values():
                _correct(operation["responses"])
        app.openapi_schema = document
    return app.openapi_schema


def _exemplify_list(schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Show a list with the example of its items."""
    item = schema.get("properties", {}).get("items", {}).get("items", {}).get("$ref", "")
    examples = schemas.get(item.rpartition("/")[2], {}).get("examples")
    if examples:
        schema["examples"] = [{"items": examples[:1], "next": None}]


def _correct(responses: dict[str, Any]) -> None:
    derived = responses.get("422", {}).get("content", {})
    if "application/json" in derived:
        [responses["422"]] = problems.documented(problems.INVALID).values()
    for answer in responses.values():
        for media, content in answer.get("content", {}).items():
            if media == problems.MEDIA_TYPE:
                content["schema"] = PROBLEM
