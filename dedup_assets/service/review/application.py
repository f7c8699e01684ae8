"""The pages of a review and what they ask, as a Starlette application below a path that nobody can guess.

The path stands for a password: other users of the machine, and pages of other sites, do not know it. Requests that
change something are JSON, which no form of another site can send. `LoopbackOnly` refuses all that is not of this site.
"""

import json
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from http import HTTPStatus
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from dedup_assets.api.plan_texts import plan_table
from dedup_assets.api.verdicts import VerdictBook
from dedup_assets.engine.cleaning import PlanOptions, generation_of, plan_of, write_plan
from dedup_assets.engine.core.errors import DedupError, SettingsError
from dedup_assets.engine.core.redaction import redacted
from dedup_assets.engine.core.settings import Settings
from dedup_assets.engine.core.verdict_records import Decision
from dedup_assets.engine.gallery.thumbnails import Effort, make_pictures
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.pipeline.serving.loopback import LoopbackOnly
from dedup_assets.service.parameters import find_repeated
from dedup_assets.service.review.pairs import ReviewPairs, Show

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_STATIC = {"": ("index.html", "text/html"), "review.js": ("review.js", "text/javascript"),
           "review.css": ("review.css", "text/css"), "icon.svg": ("icon.svg", "image/svg+xml")}  # fmt: skip
_MOST_BYTES = 1 << 14  # of a request
_MOST_PAIRS = 200  # of an answer
_MOST_DIGITS = 12
_OTHER_RESULTS = "A run has made other results since; their pairs are shown."
_DECIDED_ELSEWHERE = "This was decided elsewhere since; what counts is shown."
_SIDES = {"small": 320, "large": 1600}  # px


class Review:
    """What a review knows of a work_dir. Safe for several threads.

    Args:
        work_dir: the results of a run.

    Raises:
        WorkDirError: the work_dir has no groups.
    """

    def __init__(self, work_dir: str) -> None:
        self._work_dir = WorkDir(work_dir)
        self.book = VerdictBook(work_dir)
        self._lock, self._deciding = threading.Lock(), threading.Lock()
        self._generation, self._pairs = generation_of(self._work_dir), ReviewPairs.of(self._work_dir)

    def newest(self) -> tuple[str, ReviewPairs]:
        """The newest generation and its pairs: a run that ends meanwhile is noticed."""
        with self._lock:
            generation = generation_of(self._work_dir)
            if generation != self._generation:
                self._generation, self._pairs = generation, ReviewPairs.of(self._work_dir)
            return self._generation, self._pairs

    def _pairs_of(self, asked: object) -> ReviewPairs:
        """The pairs, if they are still those of the generation that a page shows. Raises HTTPException otherwise."""
        generation, pairs = self.newest()
        if asked != generation:
            raise HTTPException(HTTPStatus.CONFLICT, _OTHER_RESULTS)
        return pairs

    def status(self) -> dict[str, Any]:
        """The work_dir, how far the review is, and what tells a page that it is stale."""
        verdicts, (generation, pairs) = self.book.read(), self.newest()
        return {
            "work_dir": redacted(self._work_dir.url),
            "generation": generation,
            "decisions": verdicts.digest,
            "has_sets": pairs.has_sets,
            "shows": pairs.counts(verdicts.active()),
            "verdicts": redacted(self.book.path),
        }

    def page(self, show: str, start: int, count: int, fold: int | None) -> dict[str, Any]:
        """Some pairs; see `ReviewPairs.page`."""
        if show not in list(Show):
            raise SettingsError(f"show={show!r}: allowed are {', '.join(Show)}")
        generation, pairs = self.newest()
        total, found = pairs.page(Show(show), start, min(count, _MOST_PAIRS), self.book.read().active(), fold)
        return {"generation": generation, "total": total, "pairs": found}

    def decide(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Add a verdict on a pair (same, different, variant), or on its second image (keep, protect).

        `seen` is the id of the verdict that the page shows on the pair; null for none. A page that shows another one
        than counts is older than that, and its person has not seen what they would replace. `is_new` of the answer is
        false where the same verdict counts already; `is_decided` says whether the pair counts as decided now.
        """
        number, relation, generation = (asked.get(name) for name in ("number", "relation", "generation"))
        if type(number) is not int or relation not in list(Decision):
            raise SettingsError(f"number={number!r}, relation={relation!r}: allowed is one of {', '.join(Decision)}")
        with self._deciding:
            pairs = self._pairs_of(generation)
            if pairs.is_of_frames(number):
                raise SettingsError("a frame of a video cannot be decided about, because verdicts are about files")
            counting = pairs.verdict(number, self.book.read().active())
            if asked.get("seen") != (counting and counting.verdict_id):
                raise HTTPException(HTTPStatus.CONFLICT, _DECIDED_ELSEWHERE)
            a, b = (pairs.content(number, side) for side in ("a", "b"))
            given = self.book.add(relation, a, b) if Decision(relation).is_of_pair else self.book.add(relation, b)
            is_decided = pairs.is_decided(number, self.book.read().active())
        said = {"id": given.verdict_id, "relation": given.relation}
        return {**said, "is_new": not given.line, "is_decided": is_decided}

    def revoke(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Take a verdict back that counts."""
        given = str(asked.get("id", ""))
        with self._deciding:
            verdicts = self.book.read()
            if given in {row.verdict_id for row in verdicts.given} - {row.verdict_id for row in verdicts.active()}:
                raise HTTPException(HTTPStatus.CONFLICT, _DECIDED_ELSEWHERE)
            return {"revokes": self.book.revoke(given).revokes}

    def picture(self, number: int, side: str, size: str, generation: str) -> bytes:
        """An image as a JPEG file. Raises SettingsError if there is none, or it cannot be shown."""
        if size not in _SIDES:
            raise SettingsError(f"size={size!r}: allowed are {', '.join(_SIDES)}")
        pairs = self._pairs_of(generation) if generation else self.newest()[1]
        name = pairs.name(number, side)
        ((_, shown),) = make_pictures([name], Effort.of(Settings()), _SIDES[size])
        if shown.thumbnail is None:
            raise SettingsError(shown.problem or "this file has no picture")
        return shown.thumbnail

    def plan(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What a plan would do now; with `write` true, the plan is written too."""
        made = plan_of(self._work_dir, PlanOptions.parse("trash", str(asked.get("only", "exact")), ""))
        path = redacted(write_plan(self._work_dir, made, "")) if asked.get("write") is True else ""
        return {"table": plan_table(made), "files": len(made), "path": path}

    @cached_property
    def static(self) -> dict[str, tuple[bytes, str]]:
        """The page and what it loads, by path."""
        folder = resources.files("dedup_assets.service.review").joinpath("static")
        return {path: (folder.joinpath(name).read_bytes(), kind) for path, (name, kind) in _STATIC.items()}


def application(review: Review, key: str) -> LoopbackOnly:
    """The application.

    Args:
        review: what it shows.
        key: the first part of all paths.
    """

    def static(path: str) -> Route:
        content, kind = review.static[path]

        async def answer(_: Request) -> Response:
            return Response(content, media_type=kind)

        return Route(f"/{path}", answer)

    async def status(_: Request) -> Response:
        return JSONResponse(await run_in_threadpool(review.status))

    async def pairs(request: Request) -> Response:
        start, count = (_number(request, name, default) for name, default in (("start", 0), ("count", 20)))
        fold = _number(request, "fold", 0) if "fold" in request.query_params else None
        show = request.query_params.get("show", Show.COPIES)
        return JSONResponse(await run_in_threadpool(review.page, show, start, count, fold))

    async def picture(request: Request) -> Response:
        asked, generation = request.path_params, request.query_params.get("generation", "")
        jpeg = await run_in_threadpool(review.picture, asked["number"], asked["side"], asked["size"], generation)
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=600"})

    def posted(path: str, act: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Route:
        async def answer(request: Request) -> Response:
            return JSONResponse(await run_in_threadpool(act, await _body(request)))

        return Route(path, answer, methods=["POST"])

    routes = [
        *map(static, _STATIC),
        Route("/v1/status", status),
        Route("/v1/pairs", pairs),
        Route("/v1/pictures/{number:int}/{side}/{size}", picture),
        posted("/v1/verdicts", review.decide),
        posted("/v1/revocations", review.revoke),
        posted("/v1/plan", review.plan),
    ]
    made = Starlette(
        routes=[Mount(f"/{key}", routes=routes)],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=_with_headers)],
        exception_handlers={DedupError: _refuse, HTTPException: _refuse},
    )
    return LoopbackOnly(made)


async def _with_headers(request: Request, answer: RequestResponseEndpoint) -> Response:
    repeated = find_repeated(request)
    response = _problem(repeated, HTTPStatus.UNPROCESSABLE_ENTITY) if repeated else await answer(request)
    response.headers.update(_HEADERS)
    return response


async def _refuse(_: Request, problem: Exception) -> Response:
    if isinstance(problem, HTTPException):
        return _problem(problem.detail, problem.status_code)
    return _problem(redacted(str(problem)), HTTPStatus.BAD_REQUEST)


def _problem(said: str, status: int) -> Response:
    return JSONResponse({"problem": said}, status)


def _number(request: Request, name: str, default: int) -> int:
    given = request.query_params.get(name, str(default))
    if not given.isascii() or not given.isdigit() or len(given) > _MOST_DIGITS:
        raise SettingsError(f"{name}={given!r:.50}: must be a whole number, at least 0")
    return int(given)


async def _body(request: Request) -> Mapping[str, Any]:
    """The JSON object that a request holds. Raises HTTPException if it holds something else, or too much."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > _MOST_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"send at most {_MOST_BYTES:,} bytes")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "this is no JSON") from None
    if not isinstance(body, dict):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "send a JSON object")
    return body
