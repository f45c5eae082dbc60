"""A file that is uploaded in a form: its fields checked, its content kept as it comes in from the spool."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Final

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from judge_service.api.problems import Problem
from judge_service.errors import InvalidOption
from judge_service.jobs.files import PART_BYTES, FileWriter, file_object
from judge_service.jobs.life import keeping_seconds
from judge_service.jobs.lines import Cutter
from judge_service.jobs.office import Office, new_name

_FORM_BYTES: Final = 64 * 1024
"""What a form may have around its file."""
_FORM: Final = "multipart/form-data"
_LONGEST_NAME: Final = 255


async def take_in(request: Request, office: Office, tenant: str) -> dict[str, Any]:
    """Keeps the file in a request.

    Raises:
        InvalidOption: a field of the form is missing or wrong, or the file has too many lines.
        Problem: 413, the file is too large.
    """
    form = await _form(request, office.settings.max_file_bytes)
    try:
        return await _keep(form, office, tenant)
    finally:
        await form.close()


async def _form(request: Request, most: int) -> FormData:
    if not request.headers.get("content-type", "").lower().startswith(_FORM):
        raise InvalidOption(f"the body is a form, {_FORM}")
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > most + _FORM_BYTES:
        raise _too_large(most)
    parser = MultiPartParser(
        request.headers, _no_more_than(most, request.stream()), max_files=1, max_fields=20, max_part_size=_FORM_BYTES
    )
    try:
        # Files beyond a megabyte are spooled to the disk.
        return await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError) as e:
        told = e.message if isinstance(e, MultiPartException) else "it has no boundary, or no name for a part"
        raise InvalidOption(f"the form cannot be read: {told}") from None


async def _no_more_than(most: int, stream: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in stream:
        size += len(chunk)
        if size > most + _FORM_BYTES:
            raise _too_large(most)
        yield chunk


def _too_large(most: int) -> Problem:
    return Problem(413, f"a file has {most:,} bytes at the most", "file", "file_too_large")


async def _keep(form: FormData, office: Office, tenant: str) -> dict[str, Any]:
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise InvalidOption("file is missing, or is no file", "file")
    if form.get("purpose") != "batch":
        raise InvalidOption("purpose is batch", "purpose")
    if upload.size is not None and upload.size > office.settings.max_file_bytes:
        raise _too_large(office.settings.max_file_bytes)
    keep = keeping_seconds(_expiry(form), "expires_after")
    await _check_lines(upload, office.settings.max_lines)
    created = office.now()
    name = new_name("file")
    facts = {
        "tenant": tenant,
        "filename": (upload.filename or "upload.jsonl")[:_LONGEST_NAME],
        "purpose": "batch",
        "created_at": created,
        "expires_at": office.expiry(created, keep),
    }
    await office.papers.add("file", name, facts)
    writer = FileWriter(office.papers, name)
    while content := await upload.read(PART_BYTES):
        await writer.write(content)
    await writer.end()
    return file_object(name, {**facts, "bytes": writer.size})


def _expiry(form: FormData) -> Mapping[str, Any] | None:
    """`expires_after[anchor]` and `expires_after[seconds]`, as OpenAI's client writes them into a form."""
    told = {part: form.get(f"expires_after[{part}]") for part in ("anchor", "seconds")}
    if set(told.values()) == {None}:
        return None
    seconds = told["seconds"]
    is_number = isinstance(seconds, str) and seconds.isascii() and seconds.isdigit() and len(seconds) < 10
    return {**told, "seconds": int(str(seconds)) if is_number else None}


async def _check_lines(upload: UploadFile, most: int) -> None:
    """Counts before anything is kept.

    Raises:
        InvalidOption: there are too many.
    """
    cutter, count = Cutter(), 0
    while content := await upload.read(PART_BYTES):
        count += sum(1 for _ in cutter.cut(content))
    count += sum(1 for _ in cutter.end())
    if count > most:
        raise InvalidOption(f"a batch has {most:,} requests at the most, and this file {count:,} lines", "file")
    await upload.seek(0)
