"""The shapes of files and batches, for the OpenAPI page; the clients' own types are OpenAI's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from judge_service.jobs.lines import ENDPOINTS


class UploadForm(BaseModel):
    """A file of requests: `{"custom_id", "method": "POST", "url": "/v1/compare", "body": {…}}`, a JSON line each."""

    file: str = Field(json_schema_extra={"format": "binary"})
    purpose: Literal["batch"]


class FileBody(BaseModel):
    """A file, without its content."""

    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: Literal["batch", "batch_output"]
    status: Literal["processed"]
    status_details: None


class FileDeletedBody(BaseModel):
    """What is left of a deleted file."""

    id: str
    object: Literal["file"]
    deleted: Literal[True]


class FileList(BaseModel):
    """A page of files."""

    object: Literal["list"]
    data: list[FileBody]
    first_id: str | None
    last_id: str | None
    has_more: bool


class KeepingBody(BaseModel):
    """How long the output is kept."""

    model_config = ConfigDict(extra="forbid")

    anchor: Literal["created_at"]
    seconds: int = Field(ge=3600, le=2_592_000)


class BatchRequest(BaseModel):
    """What is to be judged, and until when."""

    model_config = ConfigDict(extra="forbid")

    input_file_id: str = Field(min_length=1)
    endpoint: str = Field(json_schema_extra={"enum": list(ENDPOINTS)})
    completion_window: str = Field(
        pattern=r"^[1-9][0-9]{0,6}[smhd]$", description="24h, or another, of s, m, h or d; 30d at the most"
    )
    metadata: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]] | None = None
    output_expires_after: KeepingBody | None = None


class BatchErrorBody(BaseModel):
    """What is wrong with the input file."""

    code: str
    line: int | None
    message: str
    param: str | None


class BatchErrors(BaseModel):
    """Everything that is wrong with the input file, or the first hundred of it."""

    object: Literal["list"]
    data: list[BatchErrorBody]


class RequestCounts(BaseModel):
    """How many requests there are, and how many were answered, by how."""

    total: int
    completed: int
    failed: int


class BatchBody(BaseModel):
    """A batch as it stands."""

    id: str
    object: Literal["batch"]
    endpoint: str
    model: None
    errors: BatchErrors | None
    input_file_id: str
    completion_window: str
    status: Literal[
        "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"
    ]
    output_file_id: str | None
    error_file_id: str | None
    created_at: int
    in_progress_at: int | None
    expires_at: int
    finalizing_at: int | None
    completed_at: int | None
    failed_at: int | None
    expired_at: int | None
    cancelling_at: int | None
    cancelled_at: int | None
    request_counts: RequestCounts
    usage: None
    metadata: dict[str, str] | None


class BatchList(BaseModel):
    """A page of batches."""

    object: Literal["list"]
    data: list[BatchBody]
    first_id: str | None
    last_id: str | None
    has_more: bool
