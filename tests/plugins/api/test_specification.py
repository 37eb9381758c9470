"""The service against its own specification: Schemathesis makes requests from it and judges every answer by it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from kyso.text import LANGUAGES
from tests.plugins.api.running import RunningService

pytestmark = pytest.mark.xdist_group("api")

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="session")
def described(service: RunningService) -> dict[str, Any]:
    """The specification as the service gives it."""
    found: dict[str, Any] = service.call("GET", "/openapi.json").json
    return found


@pytest.fixture
def api_schema(service: RunningService, described: dict[str, Any]) -> Any:
    """The specification as Schemathesis reads it."""
    schema = schemathesis.openapi.from_dict(described)
    schema.config.update(base_url=service.url)
    return schema


OPERATIONS = [
    ("POST", "/v1/sign"),
    ("POST", "/v1/sign/prepare"),
    ("POST", "/v1/sign/complete"),
    ("GET", "/v1/pending"),
    ("GET", "/v1/pending/{id}"),
    ("POST", "/v1/pending/{id}/resume"),
    ("POST", "/v1/pending/{id}/cancel"),
    ("GET", "/v1/results/{id}"),
    ("POST", "/v1/verify"),
    ("POST", "/v1/extend"),
    ("POST", "/v1/preview"),
    ("GET", "/v1/keys"),
    ("GET", "/v1/plugins"),
    ("POST", "/v1/{family}/{export}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_answers_are_as_specified(api_schema: Any, token: str, method: str, path: str) -> None:
    """Whatever a request holds, its answer is one of those that the specification lists, in the form it lists."""

    @given(case=api_schema[path][method].as_strategy())
    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def holds(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)

    holds()


def test_every_operation_is_tried(described: dict[str, Any]) -> None:
    """The list above names every operation of the specification."""
    found = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert found == set(OPERATIONS)


def test_the_specification_is_whole(described: dict[str, Any]) -> None:
    """Every operation has a name, words in both languages and its problems, and says whether it needs a token."""
    assert described["openapi"].startswith("3.1")
    names = []
    for path, methods in described["paths"].items():
        for operation in methods.values():
            names.append(operation["operationId"])
            assert " / " in operation["summary"]
            assert len(operation["description"]) > 20
            assert "422" not in operation["responses"] or path.startswith("/v1/")
            if path.startswith("/v1"):
                assert operation["security"] == [{"token": []}]
                assert {"401", "403", "429"} <= set(operation["responses"])
            for status, answer in operation["responses"].items():
                for media_type, content in answer.get("content", {}).items():
                    if media_type == "application/problem+json":
                        examples = content["examples"]
                        assert set(examples) == set(LANGUAGES)
                        assert examples["vi"]["value"]["status"] == int(status)
                        assert examples["vi"]["value"]["detail"] != examples["en"]["value"]["detail"]
    assert len(names) == len(set(names))
    assert "{" not in json.dumps(
        [operation["summary"] for m in described["paths"].values() for operation in m.values()]
    )


def test_every_field_has_words() -> None:
    """Each field of a form is described in both languages; the codes are not shown for want of words."""
    from kyso import text
    from kyso_api import fields

    for declared in (fields.SIGN, fields.PREPARE, fields.PREVIEW, fields.VERIFY, fields.EXTEND, fields.EXPORT):
        for entry in declared:
            for language in LANGUAGES:
                assert text.message(f"api.field.{entry.name}", language) != f"api.field.{entry.name}"
