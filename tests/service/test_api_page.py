"""The OpenAPI page: its examples run as they are written, and its models know the fields the parsers know."""

from typing import Any

import pytest
from judge_server import JudgeServer
from services import api

from judge_service.api import openapi, schemas
from judge_service.domain.options import ONLY_RANK, OPTION_NAMES, TASKS
from judge_service.domain.parsing import CASE_FIELDS

EXAMPLES = [
    (path, name, example["value"])
    for path, methods in openapi.judging_paths().items()
    for name, example in methods["post"]["requestBody"]["content"]["application/json"]["examples"].items()
]


async def page(server: JudgeServer | None) -> Any:
    async with api(server) as client:
        answer = await client.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def test_every_task_has_worked_examples() -> None:
    assert {path for path, _, _ in EXAMPLES} == {f"/v1/{task}" for task in TASKS}
    assert len(EXAMPLES) >= 2 * len(TASKS)


@pytest.mark.parametrize(("path", "body"), [(path, body) for path, _, body in EXAMPLES], ids=[e[1] for e in EXAMPLES])
async def test_an_example_runs_as_written(path: str, body: dict[str, Any]) -> None:
    async with api(None) as client:
        answer = await client.post(path, json=body)
    assert answer.status_code == 200
    judgments = answer.json().get("data", [answer.json()])
    assert {judgment["status"] for judgment in judgments} == {"judged"}
    assert len(judgments) == len(body.get("cases", [body]))


@pytest.mark.parametrize(("path", "body"), [(path, body) for path, _, body in EXAMPLES], ids=[e[1] for e in EXAMPLES])
async def test_what_is_sent_and_what_comes_back_fit_the_models(path: str, body: dict[str, Any]) -> None:
    prefix = "Rank" if path == "/v1/rank" else ""
    model = getattr(schemas, f"{prefix}{'Cases' if 'cases' in body else 'OneCase'}Request")
    model.model_validate(body, strict=True)
    async with api(None) as client:
        answer = (await client.post(path, json=body)).json()
    described = schemas.JudgmentList if "data" in answer else schemas.JudgmentBody
    described.model_validate(answer)


async def test_the_page_documents_every_route_under_v1(server: JudgeServer) -> None:
    told = await page(server)
    assert {f"/v1/{task}" for task in TASKS} <= told["paths"].keys()
    assert {"/v1/rubrics", "/v1/judges", "/v1/models", "/health", "/ready", "/metrics"} <= told["paths"].keys()
    assert {"/v1/files", "/v1/files/{file_id}/content", "/v1/batches/{batch_id}/cancel"} <= told["paths"].keys()


async def test_every_reference_of_the_page_leads_somewhere(server: JudgeServer) -> None:
    told = await page(server)

    def references(node: Any) -> Any:
        if isinstance(node, dict):
            yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
            node = list(node.values())
        for part in node if isinstance(node, list) else []:
            yield from references(part)

    named = set(references(told))
    assert named
    for reference in named:
        assert reference.removeprefix("#/components/schemas/") in told["components"]["schemas"]


def test_the_models_name_the_fields_of_a_case_that_the_parser_knows() -> None:
    assert set(schemas.CaseBody.model_fields) == set(CASE_FIELDS)


def test_the_models_name_the_options_that_the_parser_knows() -> None:
    assert set(schemas.RankOptionsBody.model_fields) == set(OPTION_NAMES)
    assert set(schemas.OptionsBody.model_fields) == set(OPTION_NAMES) - set(ONLY_RANK)


@pytest.mark.parametrize(
    ("path", "allowed"), [("/v1/files", "GET, POST"), ("/v1/files/x", "DELETE, GET"), ("/v1/compare", "POST")]
)
async def test_a_wrong_method_is_told_all_that_the_path_has(server: JudgeServer, path: str, allowed: str) -> None:
    async with api(server) as client:
        answer = await client.request("PATCH", path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("name", ["/docs", "/redoc"])
async def test_the_page_can_be_looked_at(server: JudgeServer, name: str) -> None:
    async with api(server) as client:
        assert (await client.get(name)).status_code == 200
