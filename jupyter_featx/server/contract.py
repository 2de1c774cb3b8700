"""openapi.yaml as the rule that requests are held to: what it does not describe is refused, with the reason."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from jupyter_featx.server.problems import BadRequest

FILE = Path(__file__).parent / "openapi.yaml"
_INTEGER = re.compile(r"-?\d{1,16}")
_FLAGS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True)
class Operation:
    """One method of one route: its parameters in the query, and the schema of its body."""

    parameters: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...]
    body: jsonschema.Draft202012Validator | None
    body_required: bool


class Contract:
    """Reads and checks requests by the id of their operation."""

    def __init__(self, file: Path = FILE) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.document: Mapping[str, Any] = yaml.load(file.read_text(encoding="utf-8"), loader)
        self._operations = dict(self._all())

    def _all(self) -> Any:
        for path in self.document["paths"].values():
            for method, operation in path.items():
                if method != "parameters":
                    yield operation["operationId"], self._operation(path.get("parameters", ()), operation)

    def _operation(self, shared: Sequence[Any], operation: Mapping[str, Any]) -> Operation:
        found = [self._resolved(item) for item in (*shared, *operation.get("parameters", ()))]
        query = [item for item in found if item["in"] == "query"]
        body = self._resolved(operation.get("requestBody", {}))
        validator = None
        if body:
            # The references inside lead to the components of the whole document.
            components = {"components": self.document["components"]}
            validator = jsonschema.Draft202012Validator({**components, **body["content"]["application/json"]["schema"]})
        return Operation(
            {item["name"]: item["schema"] for item in query},
            tuple(item["name"] for item in query if item.get("required")),
            validator,
            body.get("required", False),
        )

    def _resolved(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in item:
            found: Any = self.document
            for part in item["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            item = found
        return item

    def query(self, operation_id: str, given: Mapping[str, Sequence[bytes]]) -> dict[str, Any]:
        """Return the operation's parameters, defaults put in; others are passed over. Raises BadRequest."""
        operation = self._operations[operation_id]
        values: dict[str, Any] = {}
        for name, schema in operation.parameters.items():
            if given.get(name):
                values[name] = _checked(name, _converted(name, given[name], schema), schema)
            elif name in operation.required:
                raise BadRequest(f"The parameter {name} is missing.")
            else:
                values[name] = schema.get("default")
        return values

    def body(self, operation_id: str, text: bytes) -> dict[str, Any]:
        """Return the operation's body. Raises BadRequest."""
        operation = self._operations[operation_id]
        assert_body = operation.body
        if assert_body is None:
            return {}
        if not text.strip():
            if operation.body_required:
                raise BadRequest("The request has no body.")
            return {}
        try:
            value = _json(text)
        except (ValueError, RecursionError) as exc:
            raise BadRequest("The body is no JSON.") from exc
        _refuse(_first_error(value, assert_body), "The body")
        return dict(value)

    def value(self, schema_name: str, text: str, what: str) -> Any:
        """Return JSON that stands in a parameter, held to a schema of the components. Raises BadRequest."""
        try:
            value = _json(text)
        except (ValueError, RecursionError) as exc:
            raise BadRequest(f"{what} is no JSON.") from exc
        schema = self.document["components"]["schemas"][schema_name]
        _refuse(_first_error(value, jsonschema.Draft202012Validator(schema)), what)
        return value


def _json(text: str | bytes) -> Any:
    """Return the value of strict JSON that every later step can write again. Raises ValueError, RecursionError."""
    value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    # Half of a surrogate pair is no text, unless it stands for a byte of a file's name.
    json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is larger than any number")
    return number


def _converted(name: str, given: Sequence[bytes], schema: Mapping[str, Any]) -> Any:
    try:
        texts = [value.decode("utf-8") for value in given]
    except UnicodeDecodeError as exc:
        raise BadRequest(f"The parameter {name} is no UTF-8.") from exc
    if any("\0" in text for text in texts):
        raise BadRequest(f"The parameter {name} holds a NUL.")
    if schema["type"] == "array":
        return texts
    text = texts[-1]
    if schema["type"] == "integer":
        if not _INTEGER.fullmatch(text):
            raise BadRequest(f"{name}={text[:40]!r} is no whole number.")
        return int(text)
    if schema["type"] == "boolean":
        if text.lower() not in _FLAGS:
            raise BadRequest(f"{name}={text[:40]!r} is neither true nor false.")
        return _FLAGS[text.lower()]
    return text


def _checked(name: str, value: Any, schema: Mapping[str, Any]) -> Any:
    _refuse(_first_error(value, jsonschema.Draft202012Validator(schema)), f"The parameter {name}")
    return value


def _first_error(value: Any, validator: jsonschema.Draft202012Validator) -> Any:
    try:
        return next(iter(validator.iter_errors(value)), None)
    except RecursionError as exc:  # its words would hold the whole value
        raise BadRequest("The request is nested too deeply.") from exc


def _refuse(error: Any, what: str) -> None:
    if error is not None:
        where = "".join(f" at {part!r}" for part in list(error.absolute_path)[:3])
        raise BadRequest(f"{what} is not as described{where}: {error.message[:300]}")
