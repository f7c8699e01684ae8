"""The only place that hides credentials: texts that are shown, logged or stored name an image and give no access to it.

A URL can carry a user and a password before the host (RFC 3986, 3.2.1) or a signature in its query (presigned URLs of
S3, Google Cloud Storage and Azure; tokens of HTTP servers). A new kind of secret is a new name in `_SECRET`.
"""

import re
from typing import Any

HIDDEN = "***"

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"
# A URL in quotes, as repr() and HTML write it, ends at its quote; another one at a space, a quote or markup.
_URL = re.compile(
    rf"(?<='){_SCHEME}(?:[^'\\]|\\.)*(?=')"
    rf'|(?<="){_SCHEME}(?:[^"\\]|\\.)*(?=")'
    rf"|{_SCHEME}[^\s'\"<>]+",
    re.DOTALL,
)
_WHOLE_URL = re.compile(rf"(?:[A-Za-z][A-Za-z0-9+.-]*::)*{_SCHEME}.*", re.DOTALL)  # also fsspec's chains
_USER_AND_PASSWORD = re.compile(r"(?<=://)[^/?#]*:[^/?#]*@")
# A user without a password may be a token on the web; in the URL of a store it is the name of an account.
_USER = re.compile(r"((?:https?|ftps?)://)[^/?#]*@", re.IGNORECASE)
_SECRET = re.compile(
    r"((?:[?&;]|%26|\\u0026)(?:amp;)?"
    r"(?:x-(?:amz|goog|oss|cos|obs)-[\w-]+|[\w.-]*(?:signature|token|secret|passw(?:or)?d|credentials?|policy)[\w.-]*"
    r"|sig|auth|authorization|pwd|pass|(?:api|access|account|shared|aws)?[_-]?(?:access)?[_-]?key(?:[_-]?(?:pair)?[_-]?id)?"
    r"|googleaccessid)=)(?:[^&#;\\]|\\(?!u0026))*",
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


def redacted_url(text: str) -> str:
    """Return the text with its credentials hidden; if the whole text is one URL, it may hold any character.

    `redacted` cannot know where an unquoted URL ends within a longer text, and takes a space for its end.
    """
    found = _WHOLE_URL.match(text) if "://" in text else None
    return redacted(text) if found is None else _hide(found)


def redacted_name(name: bytes) -> bytes:
    """Return the name of an image with its credentials hidden."""
    if b"://" not in name:
        return name
    return redacted_url(name.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def holds_secrets(name: bytes) -> bool:
    """Return whether the name of an image is a URL with credentials."""
    return redacted_name(name) != name


def _hide(url: re.Match[str]) -> str:
    shown = _USER_AND_PASSWORD.sub(f"{HIDDEN}@", url[0])
    shown = _USER.sub(rf"\1{HIDDEN}@", shown)
    return _SECRET.sub(rf"\1{HIDDEN}", shown)
