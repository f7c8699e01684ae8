"""One process of the UI. It ends when the process that started it ends, however that happens.

    python -m dedup_assets.pipeline.serving.service NAME

The first line on stdin is JSON, the other arguments of `main`. The end of stdin is the sign to stop: the process
interrupts its process group, which is itself and all that it started.
"""

import _thread
import gc
import json
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import Any

LOCATION = "dedup_assets.pipeline.serving.location"
"""The module of the code location. The code server imports it, and no other process needs it."""

NAMES = CODE_SERVER, WEBSERVER, DAEMON = "dagster-code-server", "dagster-webserver", "dagster-daemon"

GRACE_SECONDS = 10.0
"""Time to stop in order: a run under way is interrupted, recorded as failed, and leaves the last good result."""

_POLL_SECONDS = 0.1


def main(name: str, home: str, port: int, code: dict[str, Any]) -> None:
    """Be a process of the UI.

    Args:
        name: one of `NAMES`.
        home: folder of the Dagster instance.
        port: of the webserver, on the loopback interface.
        code: address of the code server: `socket`, a path, or `port`.
    """
    gc.disable()  # imports make a million objects that stay
    from dedup_assets.pipeline import dagster_internals, instances
    from dedup_assets.pipeline.serving.loopback import LoopbackOnly

    with instances.open_instance(home=home) as instance:
        gc.freeze()
        gc.enable()
        if name == CODE_SERVER:
            dagster_internals.serve_code(instance, LOCATION, code)
            return
        _await(code)
        if name == DAEMON:
            dagster_internals.run_daemon(instance, code)
        else:
            dagster_internals.serve_webserver(instance, code, port, LoopbackOnly)


def _await(code: dict[str, Any]) -> None:
    """Wait until the code server answers; whoever started this process ends it if the code server ends."""
    while True:
        with suppress(OSError):
            if "socket" in code:
                with socket.socket(socket.AF_UNIX) as probe:
                    return probe.connect(code["socket"])
            return socket.create_connection(("localhost", code["port"])).close()
        time.sleep(_POLL_SECONDS)


def _stop_with_parent() -> None:
    sys.stdin.read()
    if sys.platform == "win32":
        _thread.interrupt_main()
        time.sleep(GRACE_SECONDS)
        os._exit(1)
    os.killpg(0, signal.SIGINT)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        line = sys.stdin.readline()
        if not line:  # the parent ended before it said what to serve
            sys.exit()
        given = json.loads(line)
        threading.Thread(target=_stop_with_parent, daemon=True).start()
        main(sys.argv[1], **given)
