"""Webhooks: endpoints, their secrets and deliveries; and what is sent to them."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AfterValidator

from shared.contracts.happenings import HappeningType, example, meaning, shape

from . import problems
from . import webhook_examples as examples
from .conditions import version_tag
from .dependencies import (
    PREFIX,
    CallerDependency,
    PageDependency,
    PanelDependency,
    ReplacingDependency,
    get_id,
)
from .schemas.shape import ListAnswer, part
from .schemas.webhooks import (
    DeliveryAnswer,
    DeliveryDetailsAnswer,
    EndpointAnswer,
    EndpointChangeQuestion,
    EndpointQuestion,
    EndpointSecretAnswer,
    RotationQuestion,
)

router = APIRouter(prefix="/webhook-endpoints", tags=["webhooks"])
Id = Annotated[str, AfterValidator(get_id), Path(examples=[examples.ENDPOINT_ID])]
DeliveryId = Annotated[str, AfterValidator(get_id), Path(examples=[examples.DELIVERY_ID])]


@router.get("", operation_id="listWebhookEndpoints", responses=problems.LOOKING)
async def list_endpoints(
    panel: PanelDependency, caller: CallerDependency
) -> ListAnswer[EndpointAnswer]:
    """List the operator's endpoints, newest first, all at once."""
    async with panel.database.transaction() as tx:
        found = await panel.webhooks.list_endpoints(tx, caller)
    return ListAnswer(items=tuple(EndpointAnswer.of(it) for it in found), next=None)


@router.post("", operation_id="createWebhookEndpoint", status_code=201, responses=problems.CHANGING)
async def create_endpoint(
    body: EndpointQuestion, panel: PanelDependency, caller: CallerDependency, response: Response
) -> EndpointSecretAnswer:
    """Have happenings sent to a URL; the answer has the secret, which is told this once."""
    async with panel.database.transaction() as tx:
        made = await panel.webhooks.create(tx, caller, body.wish())
    response.headers["Location"] = f"{PREFIX}/webhook-endpoints/{made.known.endpoint.id}"
    return EndpointSecretAnswer.of_new(made)


@router.get("/{endpoint}", operation_id="getWebhookEndpoint", responses=problems.LOOKING)
async def get_endpoint(
    endpoint: Id, panel: PanelDependency, caller: CallerDependency, response: Response
) -> EndpointAnswer:
    """Show an endpoint; whoever may not change it does not see it."""
    async with panel.database.transaction() as tx:
        found = await panel.webhooks.get(tx, caller, endpoint)
    response.headers["ETag"] = version_tag(found.endpoint.version)
    return EndpointAnswer.of(found)


@router.patch("/{endpoint}", operation_id="changeWebhookEndpoint", responses=problems.REPLACING)
async def change_endpoint(
    endpoint: Id, body: EndpointChangeQuestion, replacing: ReplacingDependency, response: Response
) -> EndpointAnswer:
    """Change an endpoint, switch it off or on again; what is left out stays as it is."""
    panel = replacing.panel
    wish = body.wish(replacing.expected)
    async with panel.database.transaction() as tx:
        found = await panel.webhooks.change(tx, replacing.caller, endpoint, wish)
    response.headers["ETag"] = version_tag(found.endpoint.version)
    return EndpointAnswer.of(found)


@router.delete(
    "/{endpoint}",
    operation_id="removeWebhookEndpoint",
    status_code=204,
    responses=problems.LOOKING,
)
async def remove_endpoint(
    endpoint: Id, panel: PanelDependency, caller: CallerDependency
) -> Response:
    """Remove an endpoint; what waits to be sent there is forgotten."""
    async with panel.database.transaction() as tx:
        await panel.webhooks.remove(tx, caller, endpoint)
    return Response(status_code=204)


@router.post("/{endpoint}/rotate", operation_id="rotateWebhookSecret", responses=problems.CHANGING)
async def rotate(
    endpoint: Id, body: RotationQuestion, panel: PanelDependency, caller: CallerDependency
) -> EndpointSecretAnswer:
    """Make a new secret, told this once; for a while the old one signs as well."""
    async with panel.database.transaction() as tx:
        made = await panel.webhooks.rotate(tx, caller, endpoint, body.overlap)
    return EndpointSecretAnswer.of_new(made)


@router.post("/{endpoint}/test", operation_id="testWebhookEndpoint", responses=problems.CHANGING)
async def test_endpoint(
    endpoint: Id, panel: PanelDependency, caller: CallerDependency
) -> DeliveryAnswer:
    """Send a message at once and show what the receiver really answered."""
    return DeliveryAnswer.of(await panel.webhooks.test(caller, endpoint))


@router.get(
    "/{endpoint}/deliveries", operation_id="listWebhookDeliveries", responses=problems.LOOKING
)
async def list_deliveries(
    endpoint: Id, panel: PanelDependency, caller: CallerDependency, page: PageDependency
) -> ListAnswer[DeliveryAnswer]:
    """List what was sent to an endpoint in the last 30 days, newest first."""
    async with panel.database.transaction() as tx:
        found = await panel.webhooks.list_deliveries(tx, caller, endpoint, page)
    return part([DeliveryAnswer.of(it) for it in found], page.limit)


@router.get(
    "/{endpoint}/deliveries/{delivery}",
    operation_id="getWebhookDelivery",
    responses=problems.LOOKING,
)
async def get_delivery(
    endpoint: Id, delivery: DeliveryId, panel: PanelDependency, caller: CallerDependency
) -> DeliveryDetailsAnswer:
    """Show a delivery with the body of its message."""
    async with panel.database.transaction() as tx:
        found, message = await panel.webhooks.get_delivery(tx, caller, endpoint, delivery)
    return DeliveryDetailsAnswer.of_message(found, message)


@router.post(
    "/{endpoint}/deliveries/{delivery}/resend",
    operation_id="resendWebhookDelivery",
    status_code=202,
    responses=problems.CHANGING,
)
async def resend(
    endpoint: Id, delivery: DeliveryId, panel: PanelDependency, caller: CallerDependency
) -> DeliveryAnswer:
    """Send a message again, under the same `webhook-id`."""
    async with panel.database.transaction() as tx:
        return DeliveryAnswer.of(await panel.webhooks.resend(tx, caller, endpoint, delivery))


def document_messages(sent: APIRouter) -> None:
    """Describe every type of message that endpoints get."""
    for kind in HappeningType:
        _document(sent, kind)


def _document(sent: APIRouter, kind: HappeningType) -> None:
    content = {
        "application/json": {"example": example(kind).model_dump(mode="json", exclude_none=True)}
    }
    sent.add_api_route(
        kind.value,
        _receive,
        methods=["POST"],
        operation_id=f"on{''.join(it.title() for it in kind.value.split('.'))}",
        status_code=204,
        summary=meaning(kind),
        description=RECEIVING,
        tags=["webhooks"],
        openapi_extra={
            "parameters": HEADERS,
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": content["application/json"]
                    | {"schema": {"$ref": f"#/components/schemas/{shape(kind).__name__}"}}
                },
            },
        },
    )


async def _receive() -> None:
    """Take a message."""


RECEIVING = (
    "Answer with 2xx within 15 s; anything else is tried again, ten times over three days. "
    "Verify the signature before you read the body, as Standard Webhooks 1.0.0 says."
)
HEADERS = [
    {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
        "example": value,
    }
    for name, description, value in (
        ("webhook-id", "The same for every attempt.", examples.MESSAGE_ID),
        ("webhook-timestamp", "When this attempt was made, in seconds since 1970.", "1795253400"),
        ("webhook-signature", "Signatures with every key that is good: v1 and v1a.", "v1,… v1a,…"),
    )
]
