"""/v1/files, as OpenAI's clients know them: what a batch reads, and what it writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from judge_service.api.access import TENANT
from judge_service.api.answers import json_response
from judge_service.api.job_schemas import FileBody, FileDeletedBody, FileList
from judge_service.api.openapi import described_body
from judge_service.api.problems import Problem
from judge_service.api.state import State
from judge_service.api.uploads import take_in
from judge_service.jobs.batches import readers_of
from judge_service.jobs.files import file_object, parts_of
from judge_service.jobs.office import Office

router: Final = APIRouter()
JSONL: Final = "application/jsonl"
AFTER: Final = "Only what comes after this one in the list"
NOT_KEPT: Final[dict[int | str, dict[str, Any]]] = {
    501: {"description": "This server has no place to keep files and batches"},
    503: {"description": "The place where files and batches are kept does not answer"},
}
_NO_FILE: Final[dict[int | str, dict[str, Any]]] = {404: {"description": "There is no such file"}, **NOT_KEPT}


def office_of(request: Request) -> Office:
    """Where files and batches are kept.

    Raises:
        Problem: 501, nowhere.
    """
    state: State = request.app.state.judging
    if state.office is None:
        told = (
            "this server keeps no files and no batches: name a place for them as jobs.url (a SQLite file or a Redis;"
            " memory:// does for a server of one process)"
        )
        raise Problem(501, told, code="jobs_not_kept").for_good()
    return state.office


def tenant_of(request: Request) -> str:
    """Whose files and batches a caller sees: those made with the same key."""
    return str(request.scope.get(TENANT, ""))


@router.post(
    "/v1/files",
    responses={
        200: {"model": FileBody},
        400: {"description": "The form is wrong; `param` names the field"},
        413: {"description": "The file is too large"},
        **NOT_KEPT,
    },
    openapi_extra={"requestBody": described_body("UploadForm", "multipart/form-data")},
)
async def create_file(request: Request) -> Response:
    """Uploads a file of requests, a JSON line each, for a batch."""
    return json_response(await take_in(request, office_of(request), tenant_of(request)))


@router.get(
    "/v1/files",
    responses={200: {"model": FileList}, 404: {"description": "There is no file of the name in `after`"}, **NOT_KEPT},
)
async def list_files(
    request: Request,
    after: Annotated[str | None, Query(description=AFTER)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
    purpose: str | None = None,
) -> Response:
    """The caller's files, the newest first."""
    office = office_of(request)
    found, more = await office.page("file", tenant_of(request), after, limit, order == "asc", purpose)
    return json_response(page_of([file_object(name, facts) for name, facts in found], more))


def page_of(listed: list[dict[str, Any]], more: bool) -> dict[str, Any]:
    """A page of a list in OpenAI's shape."""
    first, last = (listed[0]["id"], listed[-1]["id"]) if listed else (None, None)
    return {"object": "list", "data": listed, "first_id": first, "last_id": last, "has_more": more}


@router.get("/v1/files/{file_id}", responses={200: {"model": FileBody}, **_NO_FILE})
async def retrieve_file(file_id: str, request: Request) -> Response:
    """One file, without its content."""
    facts = await office_of(request).owned("file", file_id, tenant_of(request))
    return json_response(file_object(file_id, facts))


@router.get(
    "/v1/files/{file_id}/content",
    response_class=StreamingResponse,
    responses={
        200: {"description": "JSON lines", "content": {JSONL: {"schema": {"type": "string"}}}},
        **_NO_FILE,
    },
)
async def file_content(file_id: str, request: Request) -> Response:
    """A file's content."""
    office = office_of(request)
    facts = await office.owned("file", file_id, tenant_of(request))
    content: AsyncIterator[bytes] = parts_of(office.papers, file_id, facts)
    # With its length told, a content that breaks off cannot be taken for a whole one.
    return StreamingResponse(content, headers={"content-length": str(facts["bytes"])}, media_type=JSONL)


@router.delete(
    "/v1/files/{file_id}",
    responses={200: {"model": FileDeletedBody}, 409: {"description": "A batch is reading it"}, **_NO_FILE},
)
async def delete_file(file_id: str, request: Request) -> Response:
    """Deletes a file and its content."""
    office = office_of(request)
    await office.owned("file", file_id, tenant_of(request))
    readers = await readers_of(office, file_id)
    if readers:
        told = f"{readers[0]} reads this file: cancel it first, or wait for its end"
        raise Problem(409, told, "file_id", "file_in_use").for_good()
    await office.papers.remove(file_id)
    return json_response({"id": file_id, "object": "file", "deleted": True})
