"""The OpenAPI document: what FastAPI derives, and what every route has in common.

Problems are shown as the answers that they really are; what the middleware does to all answers is
written down here once, not beside every route.
"""

import json
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from shared.contracts import happenings

from . import media, problems

Json = dict[str, Any]
PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
DERIVED: Final = ("HTTPValidationError", "ValidationError")
"""What FastAPI would answer to a request with errors; here that is a problem too."""
ALWAYS: Final = problems.documented(
    *(problems.MALFORMED, problems.NOT_SIGNED_IN, problems.NOT_FOUND, problems.NOT_ACCEPTABLE),
    *(problems.TOO_LARGE, problems.INVALID, problems.TOO_MANY, problems.UNAVAILABLE),
)
WITH_BODY: Final = problems.documented(problems.BAD_MEDIA)
HEADERS: Final[Json] = {
    "X-Request-ID": ("Name it when you ask for help.", "01k9zq3p7hf6sw9t4x8y2z3def"),
    "RateLimit-Policy": ("How often you may ask, in how many seconds.", '"api";q=3000;w=60'),
    "RateLimit": ("How often you still may, and in how many seconds all.", '"api";r=2999;t=1'),
}
RETRY_AFTER: Final[Json] = {
    "description": "After how many seconds it is worth asking again.",
    "schema": {"type": "integer"},
}
TAG: Final[Json] = {
    "description": "What names this answer: with If-None-Match it is not sent again.",
    "schema": {"type": "string"},
    "example": '"1.5f0c9a"',
}
LINK: Final[Json] = {
    "description": "The next part of the list, where there may be more.",
    "schema": {"type": "string"},
    "example": '</api/v1/deployments?cursor=cMDFr>; rel="next"',
}
IF_NONE_MATCH: Final[Json] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "ETag of the answer that you have.",
    "schema": {"type": "string", "pattern": "^[ -~]*$"},
}


def describe(app: FastAPI) -> Json:
    """Return the document of an application, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
            webhooks=app.webhooks.routes,
        )
        shared: Json = {}
        schemas = document["components"]["schemas"]
        problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs") | {"Problem": problem} | _bodies()
        for name in DERIVED:
            schemas.pop(name, None)
        for schema in schemas.values():
            _exemplify_list(schema, schemas)
        for path in document["paths"].values():
            for method, operation in path.items():
                _complete(method, operation)
                _share(operation["responses"], shared)
        document["components"] |= {
            "examples": _problem_examples(),
            "headers": _headers(),
            "responses": dict(sorted(shared.items())),
        }
        app.openapi_schema = document
    return app.openapi_schema


def _bodies() -> Json:
    """Return the schemas of what webhooks send."""
    _, found = models_json_schema(
        [(happenings.shape(kind), "validation") for kind in happenings.HappeningType],
        ref_template="#/components/schemas/{model}",
    )
    definitions: Json = found["$defs"]
    return definitions


def written(document: Json) -> str:
    """Return a document as it is kept in the repository."""
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _exemplify_list(schema: Json, schemas: Json) -> None:
    """Show a list with the example of its items."""
    item = schema.get("properties", {}).get("items", {}).get("items", {}).get("$ref", "")
    examples = schemas.get(item.rpartition("/")[2], {}).get("examples")
    if examples:
        schema["examples"] = [{"items": examples[:1], "next": None}]


def _complete(method: str, operation: Json) -> None:
    """Write down what holds for every route, and more for those that look or that have a body."""
    responses = operation["responses"]
    if media.JSON in responses.get("422", {}).get("content", {}):
        del responses["422"]
    more = ALWAYS | (WITH_BODY if method != "get" else {})
    for status, answer in more.items():
        _merge(responses, str(status), answer)
    if method == "get":
        _make_conditional(operation)
    for status, answer in responses.items():
        headers = answer.setdefault("headers", {})
        waits = ("Retry-After",) if status in {"429", "503"} else ()
        headers |= {name: _named("headers", name) for name in (*HEADERS, *waits)}
        content = answer.get("content", {})
        if problems.MEDIA_TYPE in content:
            shown = content[problems.MEDIA_TYPE]["examples"]
            content[problems.MEDIA_TYPE] = {
                "schema": PROBLEM,
                "examples": {name: _named("examples", name) for name in shown},
            }
    operation["responses"] = dict(sorted(responses.items()))


def _share(responses: Json, shared: Json) -> None:
    """Put problems that many operations answer in one place."""
    for status, answer in responses.items():
        shown = answer.get("content", {}).get(problems.MEDIA_TYPE, {}).get("examples")
        if shown:
            name = "-".join((status, *sorted(shown)))
            shared[name] = answer
            responses[status] = _named("responses", name)


def _named(sort: str, name: str) -> Json:
    return {"$ref": f"#/components/{sort}/{name}"}


def _headers() -> Json:
    shown = {
        name: {"description": text, "schema": {"type": "string"}, "example": example}
        for name, (text, example) in HEADERS.items()
    }
    return shown | {"Retry-After": RETRY_AFTER, "ETag": TAG, "Link": LINK}


def _problem_examples() -> Json:
    return {
        name: example
        for kind in problems.KINDS
        for answer in problems.documented(kind).values()
        for name, example in answer["content"][problems.MEDIA_TYPE]["examples"].items()
    }


def _merge(responses: Json, status: str, answer: Json) -> None:
    """Add problems to those that a route names itself."""
    known = responses.setdefault(status, {"description": answer["description"]})
    shown = known.setdefault("content", {}).setdefault(problems.MEDIA_TYPE, {"examples": {}})
    shown["examples"] = answer["content"][problems.MEDIA_TYPE]["examples"] | shown["examples"]


def _make_conditional(operation: Json) -> None:
    responses = operation["responses"]
    found = responses.get("200", {})
    if media.JSON in found.get("content", {}):
        found.setdefault("headers", {})["ETag"] = _named("headers", "ETag")
        if any(it["name"] == "cursor" for it in operation.get("parameters", ())):
            found["headers"]["Link"] = _named("headers", "Link")
        responses.setdefault("304", {"description": "It is what you have."})
        parameters = operation.setdefault("parameters", [])
        if all(it["name"].lower() != "if-none-match" for it in parameters):
            parameters.append(IF_NONE_MATCH)
