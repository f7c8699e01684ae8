"""Files of stores for a worker, which has neither the credentials nor the libraries: the parent reads them.

The worker sends a wish among its answers: `{"ask": "size", "name": ...}`, or `{"ask": "read", "name": ...,
"offset": ..., "size": ...}`. It gets a line `{"size": n}`, followed by n bytes for "read", or `{"error": text,
"missing": bool}`.
"""

import json
import os
from typing import Any, BinaryIO

from dedup_assets.engine.stores import open_file


class RemoteReader:
    """Reads for one worker; keeps the file of the last wish open, because reads of one file follow each other."""

    def __init__(self) -> None:
        self._name = b""
        self._file: BinaryIO | None = None

    def reply_to(self, wish: dict[str, Any]) -> tuple[bytes, bytes]:
        """The line and the bytes that answer a wish; an error is part of the line."""
        try:
            content, size = self._read(wish)
        except Exception as error:  # noqa: BLE001 - every store has errors of its own
            missing = isinstance(error, FileNotFoundError)
            return _line({"error": f"{type(error).__name__}: {error}", "missing": missing}), b""
        return _line({"size": size}), content

    def close(self) -> None:
        """Close the file of the last wish."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self, wish: dict[str, Any]) -> tuple[bytes, int]:
        name: bytes = wish["name"].encode("latin-1")
        if self._file is None or self._name != name:
            self.close()
            self._name, self._file = name, open_file(name)
        if wish["ask"] == "size":
            return b"", self._file.seek(0, os.SEEK_END)
        self._file.seek(wish["offset"])
        content = self._file.read(wish["size"])
        return content, len(content)


def _line(reply: dict[str, Any]) -> bytes:
    return json.dumps(reply).encode() + b"\n"
