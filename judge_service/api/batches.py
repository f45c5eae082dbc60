"""/v1/batches, as OpenAI's clients know them, for this service's own endpoints."""

from __future__ import annotations

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from judge_service.api.answers import json_response
from judge_service.api.files import AFTER, NOT_KEPT, office_of, page_of, tenant_of
from judge_service.api.job_schemas import BatchBody, BatchList
from judge_service.api.openapi import described_body
from judge_service.api.problems import Problem
from judge_service.api.requests import read_body
from judge_service.errors import InvalidOption
from judge_service.jobs.batches import cancel, make, shown
from judge_service.jobs.life import wish_from

router: Final = APIRouter()
_MOST_BYTES: Final = 2**20
_NO_BATCH: Final[dict[int | str, dict[str, Any]]] = {404: {"description": "There is no such batch"}, **NOT_KEPT}


@router.post(
    "/v1/batches",
    responses={
        200: {"model": BatchBody},
        400: {"description": "The body is wrong; `param` names the field"},
        404: {"description": "There is no such input file"},
        413: {"description": "The body is too large"},
        **NOT_KEPT,
    },
    openapi_extra={"requestBody": described_body("BatchRequest", "application/json")},
)
async def create_batch(request: Request) -> Response:
    """Has every request of a file judged, as there is room for it, within the window."""
    office = office_of(request)
    body = await read_body(request, _MOST_BYTES)
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as e:
        raise InvalidOption(f"the body is not valid JSON: {e}") from None
    return json_response(await make(office, wish_from(told), tenant_of(request)))


@router.get(
    "/v1/batches",
    responses={200: {"model": BatchList}, 404: {"description": "There is no batch of the name in `after`"}, **NOT_KEPT},
)
async def list_batches(
    request: Request,
    after: Annotated[str | None, Query(description=AFTER)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """The caller's batches, the newest first."""
    office = office_of(request)
    found, more = await office.page("batch", tenant_of(request), after, limit)
    return json_response(page_of([await shown(office, name, facts) for name, facts in found], more))


@router.get("/v1/batches/{batch_id}", responses={200: {"model": BatchBody}, **_NO_BATCH})
async def retrieve_batch(batch_id: str, request: Request) -> Response:
    """One batch as it stands."""
    office = office_of(request)
    facts = await office.owned("batch", batch_id, tenant_of(request))
    return json_response(await shown(office, batch_id, facts))


@router.post(
    "/v1/batches/{batch_id}/cancel",
    responses={200: {"model": BatchBody}, 409: {"description": "It is over, or about to be"}, **_NO_BATCH},
)
async def cancel_batch(batch_id: str, request: Request) -> Response:
    """Begins no further line; what is finished can be fetched once the batch is `cancelled`."""
    cancelled = await cancel(office_of(request), batch_id, tenant_of(request))
    if cancelled is None:
        told = f"{batch_id} is over, or all its lines are done: there is nothing to cancel"
        raise Problem(409, told, "batch_id", "batch_over").for_good()
    return json_response(cancelled)
