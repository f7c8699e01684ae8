"""The addresses of the service, and what each answers.

Answers name the generation of results that they come from.
"""

import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dedup_assets.api.answer_records import answer_record, pair_record
from dedup_assets.api.outcomes import one_line
from dedup_assets.engine.core.errors import DedupError
from dedup_assets.engine.query import Answerer, GivenImage, Inquiry, given_bytes, given_name
from dedup_assets.service.measurements import Measurements
from dedup_assets.service.openapi import MOST_FOUND, described
from dedup_assets.service.parameters import find_repeated
from dedup_assets.service.questions import Questions, group_members
from dedup_assets.service.replies import RefusedError, problem, reply, text
from dedup_assets.service.uploads import Part, Uploads

_DEFAULT_K = 10
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_UNUSABLE = 422
_CODES = {404: "not_found", 405: "method_not_allowed"}
Handler = Callable[[Request], Awaitable[Response]]


class Application:
    """The service as an ASGI application, without `guard`.

    Args:
        questions: the results.
        uploads: reads bodies.
    """

    def __init__(self, questions: Questions, uploads: Uploads) -> None:
        self._questions, self._uploads, self._measured = questions, uploads, Measurements()
        self._began = time.time()
        handlers: list[tuple[str, str, Handler]] = [
            ("POST", "/v1/query", self._query),
            ("POST", "/v1/compare", self._compare),
            ("GET", "/v1/groups/{group_id}", self._group),
            ("GET", "/v1/status", self._status),
            ("GET", "/metrics", self._metrics),
            ("GET", "/openapi.json", self._openapi),
        ]
        routes = [Route(path, self._measuring(path, handler), methods=[method]) for method, path, handler in handlers]
        self.asgi = Starlette(routes=routes, lifespan=self._lifespan, exception_handlers={HTTPException: _no_route})

    def _lifespan(self, _: Starlette) -> AbstractAsyncContextManager[None]:
        @asynccontextmanager
        async def renewing() -> Any:  # noqa: ANN401 - a context manager of nothing
            with self._questions.renewing():
                yield

        return renewing()

    def _measuring(self, path: str, handler: Handler) -> Handler:
        async def measured(request: Request) -> Response:
            start = time.perf_counter()
            try:
                _refuse_repeated(request)
                response = await handler(request)
            except RefusedError as refused:
                response = refused.response
            except DedupError as error:
                response = problem(500, "failed", one_line(error))
            self._measured.count_request(path, response.status_code, time.perf_counter() - start)
            return response

        return measured

    async def _query(self, request: Request) -> Response:
        inquiry = _inquiry(request)
        async with self._uploads.open(request) as parts:
            for part in parts:
                if part.filename is None and part.name != "image":
                    said = "is a text, no image; k, min_similarity and evidence belong in the address"
                    raise RefusedError(400, "bad_request", f"the field {part.name!r:.40} {said}")
            given = [_given(part, number) for number, part in enumerate(parts)]
            generation, records = await self._questions.ask(
                lambda answerer: (
                    answerer.stored.generation,
                    [answer_record(answer) for answer in answerer.answer(given, inquiry)],
                )
            )
        self._measured.count_images(_outcome(record) for record in records)
        is_unusable = all("error" in record for record in records)
        return reply({"generation": generation, "queries": records}, _UNUSABLE if is_unusable else 200)

    async def _compare(self, request: Request) -> Response:
        async with self._uploads.open(request) as parts:
            named = {part.name: part for part in parts}
            if len(parts) != 2 or named.keys() != {"a", "b"}:  # noqa: PLR2004 - a pair
                raise RefusedError(400, "bad_request", "send a form with the fields a and b, each an image or a name")
            generation, record = await self._questions.ask(
                lambda answerer: (answerer.stored.generation, _compared(answerer, named["a"], named["b"]))
            )
        return reply({"generation": generation, **record}, _UNUSABLE if "errors" in record else 200)

    async def _group(self, request: Request) -> Response:
        asked, stored = request.path_params["group_id"], self._questions.answerer.stored
        found = group_members(stored, asked)
        if found is None:
            raise RefusedError(404, "not_found", f"there is no group {asked!r:.40} now")
        group_id, rows = found
        return reply(
            {
                "generation": stored.generation,
                "asked": asked,
                "group_id": group_id,
                "keep": os.fsdecode(rows[0]["keep"]),  # type: ignore[arg-type]  # a name
                "members": [_member(row) for row in rows],
            }
        )

    async def _status(self, _: Request) -> Response:
        stored, config = self._questions.answerer.stored, self._questions.answerer.stored.config
        return reply(
            {
                "generation": stored.generation,
                "images": len(stored),
                "groups": stored.groups["group_id"].n_unique(),
                "dimension": int(stored.features.vectors.shape[1]),
                "distance": stored.search.distance,
                "model_sha256": stored.extraction.embedder.sha256,
                "version": config.versions.get("dedup-assets", ""),
                "problem": self._questions.problem,
                "uptime_seconds": round(time.time() - self._began, 3),
            }
        )

    async def _metrics(self, _: Request) -> Response:
        stored = self._questions.answerer.stored
        unit = 1 if sys.platform == "darwin" else 1024
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        gauges = {
            "index_images": ("Images that can be found.", float(len(stored))),
            "requests_waiting": ("Requests that are answered or wait.", float(self._questions.waiting)),
            "renewal_failed": ("1 if newer results cannot be opened.", float(bool(self._questions.problem))),
            "max_resident_bytes": ("Most memory so far, with pages of files.", float(memory)),
        }
        return text(self._measured.render(gauges, stored.generation), _PROMETHEUS)

    async def _openapi(self, _: Request) -> Response:
        return reply(described(self._uploads.limits))


def _refuse_repeated(request: Request) -> None:
    if repeated := find_repeated(request):
        raise RefusedError(_UNUSABLE, "repeated_parameter", repeated)


def _inquiry(request: Request) -> Inquiry:
    """What the parameters of the address ask for."""
    given = request.query_params
    unknown = sorted(given.keys() - {"k", "min_similarity", "evidence"})
    if unknown:
        raise RefusedError(400, "bad_request", f"{unknown[0]!r:.40}: known are k, min_similarity and evidence")
    k, least, evidence = given.get("k", str(_DEFAULT_K)), given.get("min_similarity"), given.get("evidence", "true")
    if not (k.isascii() and k.isdecimal() and len(k) <= 4 and 1 <= int(k) <= MOST_FOUND):  # noqa: PLR2004 - digits
        raise RefusedError(400, "bad_request", f"k={k!r:.40}: must be a number from 1 to {MOST_FOUND}")
    if evidence not in _TRUTHS:
        raise RefusedError(400, "bad_request", f"evidence={evidence!r:.40}: must be true or false")
    return Inquiry(int(k), None if least is None else _least(least), _TRUTHS[evidence])


def _least(given: str) -> float:
    try:
        least = float(given)
    except ValueError:
        least = float("nan")
    if not -1 <= least <= 1:
        raise RefusedError(400, "bad_request", f"min_similarity={given!r:.40}: must be a number from -1 to 1")
    return least


def _given(part: Part, number: int) -> GivenImage:
    return given_bytes(part.content, part.filename or f"image {number}")


def _compared(answerer: Answerer, one: Part, other: Part) -> dict[str, Any]:
    return pair_record(answerer.compare(_image_of(answerer, one), _image_of(answerer, other)))


def _image_of(answerer: Answerer, part: Part) -> GivenImage:
    """An uploaded image, or for a text the image of the results that has this name; no other file is read."""
    if part.filename is not None:
        return given_bytes(part.content, part.name)
    name = part.content
    if answerer.stored.row_of(name) is None:
        raise RefusedError(404, "not_found", f"{part.name}: the results have no good image of this name")
    return given_name(os.fsdecode(name), answerer.stored.extraction.seconds, allow_urls=True)


def _outcome(record: dict[str, Any]) -> str:
    if "error" in record:
        return "bad"
    if any(match["same_picture"] for match in record["matches"]):
        return "same_picture"
    return "resembled" if record["matches"] else "nothing"


def _member(row: dict[str, object]) -> dict[str, object]:
    shown: Sequence[str] = ("role", "similarity_to_keep", "relation", "kind", "reason", "review")
    return {"filename": os.fsdecode(row["filename"]), **{name: row[name] for name in shown}}  # type: ignore[arg-type]


async def _no_route(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    return problem(status, _CODES.get(status, "failed"), "see /openapi.json for the addresses", headers)
