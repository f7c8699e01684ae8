"""The only scrubber of credentials: texts that are shown, logged or stored name an image, not what gives access to it.

A URL can carry a user and a password before the host (RFC 3986, 3.2.1) or a signature in its query (presigned URLs of
S3, Google Cloud Storage and Azure; tokens of HTTP servers). A new kind of secret is a new name in `_SECRET`.
"""

import re
from typing import Any

HIDDEN = "***"

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_USER_AND_PASSWORD = re.compile(r"(?<=://)[^/?#]*:[^/?#]*@")
_SECRET = re.compile(
    r"((?:[?&;]|%26|\\u0026)(?:amp;)?"
    r"(?:x-(?:amz|goog|oss|cos|obs)-[\w-]+|[\w.-]*(?:signature|token|secret|passw(?:or)?d|credentials?|policy)[\w.-]*"
    r"|sig|auth|authorization|pwd|pass|(?:api|access|account|shared|aws)?[_-]?(?:access)?[_-]?key(?:[_-]?(?:pair)?[_-]?id)?"
    r"|googleaccessid)=)[^&#;\\]*",
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """Return the text with the credentials in its URLs replaced by `HIDDEN`."""
    return _URL.sub(_hide, text) if "://" in text else text


def redacted_values(value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    """Return the JSON value with `redacted` applied to each text in it, at any depth."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {name: redacted_values(item) for name, item in value.items()}
    return [redacted_values(item) for item in value] if isinstance(value, list) else value


def holds_secrets(name: bytes) -> bool:
    """Return whether the name of an image is a URL with credentials."""
    if b"://" not in name:
        return False
    text = name.decode("utf-8", "surrogateescape")
    return redacted(text) != text


def _hide(url: re.Match[str]) -> str:
    shown = _USER_AND_PASSWORD.sub(f"{HIDDEN}@", url[0], count=1)
    scheme, _, rest = shown.partition("://")
    if scheme.lower() in {"http", "https", "ftp", "ftps"} and "@" in re.split(r"[/?#]", rest, maxsplit=1)[0]:
        shown = f"{scheme}://{HIDDEN}@{rest.split('@', 1)[1]}"
    return _SECRET.sub(rf"\1{HIDDEN}", shown)
