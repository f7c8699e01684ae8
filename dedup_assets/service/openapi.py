"""The description of the service as OpenAPI 3.1."""

from typing import Any

from dedup_assets.engine.core.match_records import Relation
from dedup_assets.engine.core.package_version import package_version
from dedup_assets.service.uploads import UploadLimits

MOST_FOUND = 100

_REPEATED = "A parameter is given more than once."

_TEXT: dict[str, Any] = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": "number"}
_TEXT_OR_NULL: dict[str, Any] = {"type": ["string", "null"]}
_NUMBER_OR_NULL: dict[str, Any] = {"type": ["number", "null"]}
_FILE: dict[str, Any] = {"type": "string", "minLength": 1, "contentMediaType": "application/octet-stream"}
_RELATION: dict[str, Any] = {"type": "string", "enum": [str(each) for each in Relation]}


def described(limits: UploadLimits) -> dict[str, Any]:
    """The whole document.

    Args:
        limits: of uploads.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dedup-assets",
            "version": package_version(),
            "description": "Which images of a collection a given one resembles, and which are the same picture. Names "
            "are text; bytes that are no UTF-8 are lone surrogates (Python's surrogateescape).",
        },
        "components": {"schemas": _schemas(), "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
        "paths": {
            "/v1/query": {"post": _query(limits)},
            "/v1/compare": {"post": _compare(limits)},
            "/v1/groups/{group_id}": {"get": _group()},
            "/v1/status": {"get": _operation("The results that are asked now.", {"200": _json("Status")})},
            "/metrics": {
                "get": _operation(
                    "Counters and latencies for Prometheus.",
                    {"200": {"description": "Text format 0.0.4.", "content": {"text/plain": {"schema": _TEXT}}}},
                )
            },
            "/openapi.json": {
                "get": _operation(
                    "This document.",
                    {"200": {"description": "JSON.", "content": {"application/json": {"schema": {"type": "object"}}}}},
                )
            },
        },
    }


def _query(limits: UploadLimits) -> dict[str, Any]:
    several = {"type": "array", "items": _FILE, "minItems": 1, "maxItems": limits.images}
    form = _object({"image": several})
    whole = {"schema": {"type": "string", "contentMediaType": "image/*", "minLength": 1}}
    found = "The answer for each image, in order; an image that cannot be used has an error."
    return _operation(
        "The images that each uploaded one resembles.",
        {
            "200": _json("Answers", found),
            "422": _json_of(("Answers", "Refusal"), f"None of the images can be used; the body says why. {_REPEATED}"),
            **_refusals(("400", "408", "413", "415", "503")),
        },
        parameters=[
            _parameter("k", {"type": "integer", "minimum": 1, "maximum": MOST_FOUND, "default": 10}),
            _parameter("min_similarity", {"type": "number", "minimum": -1, "maximum": 1}),
            _parameter("evidence", {"type": "boolean", "default": True}),
        ],
        requestBody={
            "required": True,
            "description": f"At most {limits.images} images, {limits.body_bytes} bytes.",
            "content": {"multipart/form-data": {"schema": form}, "application/octet-stream": whole, "image/*": whole},
        },
    )


def _compare(limits: UploadLimits) -> dict[str, Any]:
    image = {"description": "An image; or as a text the name of one of the results.", **_FILE}
    form = _object({"a": image, "b": image})
    return _operation(
        "Whether two images are one picture, and what was done to one of them.",
        {
            "200": _json("Pair"),
            "422": _json_of(("Unusable", "Refusal"), f"An image cannot be used. {_REPEATED}"),
            **_refusals(("400", "404", "408", "413", "415", "503")),
        },
        requestBody={
            "required": True,
            "description": f"At most {limits.body_bytes} bytes.",
            "content": {"multipart/form-data": {"schema": form}},
        },
    )


def _group() -> dict[str, Any]:
    return _operation(
        "The images of a group, the kept one first. Any id that the group ever had is resolved.",
        {"200": _json("Group"), **_refusals(("404",))},
        parameters=[{"name": "group_id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}],
    )


def _operation(summary: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as OpenAPI has it
    everywhere = {
        "401": _json("Refusal", "The token is missing."),
        "403": _json("Refusal", "A page from elsewhere asks."),
        "422": _json("Refusal", _REPEATED),
        "500": _json("Refusal", "The results cannot be asked."),
    }
    return {"summary": summary, **more, "responses": everywhere | responses}


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}


def _refusals(statuses: tuple[str, ...]) -> dict[str, Any]:
    said = {
        "400": "A parameter or the form is wrong.",
        "404": "There is none.",
        "408": "The body took too long.",
        "413": "The body is too large, or has too many parts.",
        "415": "The body is neither a form nor an image.",
        "503": "Too many requests at once; ask again later.",
    }
    return {status: _json("Refusal", said[status]) for status in statuses}


def _json(schema: str, description: str = "The answer.") -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": description, "content": {"application/json": {"schema": reference}}}


def _json_of(schemas: tuple[str, ...], description: str) -> dict[str, Any]:
    found = [{"$ref": f"#/components/schemas/{schema}"} for schema in schemas]
    return {"description": description, "content": {"application/json": {"schema": {"oneOf": found}}}}


def _object(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _schemas() -> dict[str, Any]:
    error = _object({"code": _TEXT, "message": _TEXT})
    said = {"same_picture": {"type": "boolean"}, "relation": _RELATION, "kind": _TEXT}
    maybe_said = {
        "same_picture": {"type": ["boolean", "null"]},
        "relation": {"type": ["string", "null"], "enum": [*_RELATION["enum"], None]},
        **{
            "kind": _TEXT_OR_NULL,
            "edited": {"type": ["string", "null"], "enum": ["given", "stored", "both", "", None]},
        },
    }
    match = _object(
        {"rank": {"type": "integer", "minimum": 1}, "filename": _TEXT, "similarity": _NUMBER, **maybe_said}
        | {"group_id": _TEXT_OR_NULL, "keep": _TEXT_OR_NULL, "gone": {"type": "boolean"}}
        | {"also": {"type": "array", "items": _TEXT}}
    )
    answer = {"query": _TEXT, "matches": {"type": "array", "items": match}, "error": error}
    member = {"filename": _TEXT, "role": _TEXT, "similarity_to_keep": _NUMBER_OR_NULL}
    member |= {"relation": _TEXT, "kind": _TEXT, "reason": _TEXT, "review": _TEXT}
    nine = {"type": ["array", "null"], "items": _NUMBER, "minItems": 9, "maxItems": 9}
    pair = {"generation": _TEXT, "similarity": _NUMBER_OR_NULL, **said, "edited": {"enum": ["a", "b", "both", ""]}}
    status = {"generation": _TEXT, "images": {"type": "integer"}, "groups": {"type": "integer"}}
    status |= {"dimension": {"type": "integer"}, "distance": _TEXT, "model_sha256": _TEXT, "version": _TEXT}
    return {
        "Refusal": _object({"error": error}),
        "Answers": _object(
            {"generation": _TEXT, "queries": {"type": "array", "items": _object(answer, ("matches", "error"))}}
        ),
        "Pair": _object(pair | {"overlap_a": _NUMBER_OR_NULL, "overlap_b": _NUMBER_OR_NULL, "transform": nine}),
        "Unusable": _object({"generation": _TEXT, "errors": _object({"a": error, "b": error}, ("a", "b"))}),
        "Group": _object(
            {"generation": _TEXT, "asked": _TEXT, "group_id": _TEXT, "keep": _TEXT}
            | {"members": {"type": "array", "items": _object(member)}}
        ),
        "Status": _object(status | {"problem": _TEXT, "uptime_seconds": _NUMBER}),
    }
