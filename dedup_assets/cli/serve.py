"""`dedup-assets serve`: the answers of `query` for other programs, over HTTP."""

import click

from dedup_assets.api.outcomes import say
from dedup_assets.engine.core.settings import Settings

_MIB = 1 << 20


@click.command(short_help="Answer questions about images over HTTP.")
@click.argument("work_dir")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; others need --token-file.")
@click.option("--port", default=8077, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.option("--token-file", help="A file with the token that requests must carry (Authorization: Bearer TOKEN).")
@click.option("--max-upload-mib", default=32, show_default=True, type=click.IntRange(1, 1024), help="Of one request.")
@click.option("--max-images", default=32, show_default=True, type=click.IntRange(1, 1000), help="In one request.")
@click.option(
    "--max-pixels",
    default=100_000_000,
    show_default=True,
    type=click.IntRange(1),
    help="Of an uploaded image; the run's own limit holds too.",
)
@click.option("--model-path", help="The model that made the results, if it is no longer where the run read it.")
@click.option("--num-threads", default=-1, show_default=True, help="Images decoded at once; -1: one per core.")
def serve(
    work_dir: str,
    *,
    host: str,
    port: int,
    token_file: str | None,
    max_upload_mib: int,
    max_images: int,
    max_pixels: int,
    model_path: str | None,
    num_threads: int,
) -> None:
    """Answer questions about the results in WORK_DIR, at POST /v1/query and the addresses of /openapi.json.

    Results that a run publishes meanwhile are used without a restart. No URL is read. Stop it with Ctrl-C.
    """
    from dedup_assets.engine.workers import thread_count
    from dedup_assets.service.running import read_token, run_server
    from dedup_assets.service.uploads import UploadLimits

    threads = thread_count(Settings.parse(num_threads=num_threads).num_threads)
    body_bytes = max_upload_mib * _MIB
    limits = UploadLimits(body_bytes, max(UploadLimits.held_bytes, 2 * body_bytes), max_images)

    def ready(url: str, images: int) -> None:
        say(f"Answering about {images} images at {url}/v1/query (described in {url}/openapi.json)")

    try:
        run_server(
            work_dir,
            host,
            port,
            read_token(token_file, host),
            model_path=model_path,
            threads=threads,
            max_pixels=max_pixels,
            limits=limits,
            ready=ready,
        )
    except KeyboardInterrupt:
        say("stopped", to_stderr=True)
