"""Serving a review on this machine, until it is interrupted."""

import os
import secrets
from contextlib import suppress

from dedup_assets.api.arguments import path_of
from dedup_assets.api.outcomes import answer, reported, say

_HOST = "127.0.0.1"
_SHUTDOWN_SECONDS = 2


def review(work_dir: str | os.PathLike[str], port: int = 0) -> int:
    """Look at what a run found and decide, in a browser; ends with Ctrl-C.

    Only verdicts and plans are written. Every decision is in the file of verdicts at once.

    Args:
        work_dir: the results of a run.
        port: port on this machine; 0 takes a free one.

    Returns:
        0 when it was interrupted; 1 on error, with one line on stderr.
    """
    with reported() as outcome:
        import uvicorn

        from dedup_assets.engine.decoders.asking import keep_decoders
        from dedup_assets.service.listening import listening_at
        from dedup_assets.service.review.application import Review, application

        opened, key = Review(path_of("work_dir", work_dir)), secrets.token_urlsafe(16)
        decided = len(opened.book.read().given)
        with listening_at(_HOST, port) as listener, keep_decoders(-1):
            answer(f"review: http://{_HOST}:{listener.getsockname()[1]}/{key}/ (Ctrl-C ends it)")
            config = uvicorn.Config(
                application(opened, key),
                log_level="warning",
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
                server_header=False,
            )
            with suppress(KeyboardInterrupt):  # uvicorn raises it when it has stopped
                uvicorn.Server(config).run(sockets=[listener])
        rows = len(opened.book.read().given) - decided
        say(f"review ended: {rows:,} new {'row' if rows == 1 else 'rows'} in {opened.book.path}")
        if rows:
            say("groups honour them from the next run on")
    return outcome.code
