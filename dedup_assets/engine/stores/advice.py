"""What a person can do about an error of S3: which variable is missing or wrong, and what one that works looks like.

s3fs passes on errors of botocore, or raises an error of the system whose cause they are. Both are recognised by the
names of classes and the codes of S3, because its packages are imported only when S3 is used.
"""

from collections.abc import Iterator
from typing import Any

_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_EXAMPLE = (
    f"set {_KEYS}, or AWS_PROFILE to a section of ~/.aws/credentials (AWS_PROFILE=work); FSSPEC_S3_ANON=true reads a "
    "public bucket without them; AWS_ENDPOINT_URL=http://localhost:9000 names another store than AWS"
)
_REFUSED = (
    f"access is denied: see that {_KEYS} (or AWS_PROFILE) are those of this store, and that they may read and, for "
    "results, write and delete there; a store also answers so where a bucket is another person's"
)
_REGION = "the bucket is in another region: set AWS_DEFAULT_REGION={region}"
_OF_CODE = {
    "InvalidAccessKeyId": "the store knows no such AWS_ACCESS_KEY_ID; another store than AWS is named by "
    "AWS_ENDPOINT_URL=http://localhost:9000",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID: copy both again",
    "AccessDenied": _REFUSED,
    "AllAccessDisabled": _REFUSED,
    "403": _REFUSED,
    "ExpiredToken": "AWS_SESSION_TOKEN has expired: log in again, such as by 'aws sso login'",
    "InvalidToken": "AWS_SESSION_TOKEN is not valid: log in again, or unset it where keys are used without one",
    "RequestTimeTooSkewed": "the clock of this machine is wrong, and the store refuses what comes from another time",
    "NoSuchBucket": "there is no such bucket: make it, correct its name, or name its store (AWS_ENDPOINT_URL)",
    "InvalidBucketName": "no bucket can have this name: 3 to 63 small letters, digits, dots and hyphens",
    "PermanentRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "301": _REGION,
}


def advise(error: BaseException) -> str:
    """What is wrong with the settings of S3, and what to set; empty for any other error.

    Args:
        error: what a store's package raised.
    """
    return next(filter(None, map(_advise, _with_causes(error))), "")


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    seen = set[int]()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__


def _advise(error: BaseException) -> str:
    kind = type(error).__name__
    if not type(error).__module__.startswith("botocore"):
        return f"{error}; such as AWS_ENDPOINT_URL=http://localhost:9000" if _is_endpoint(error) else ""
    if kind in {"NoCredentialsError", "CredentialRetrievalError", "PartialCredentialsError"}:
        missing = f" ({error})" if kind != "NoCredentialsError" else ""
        return f"no credentials for S3 are found{missing}: {_EXAMPLE}"
    if kind == "ProfileNotFound":
        return f"AWS_PROFILE: {_plain(error)}: name a section of ~/.aws/credentials or ~/.aws/config; or {_EXAMPLE}"
    if kind in {"EndpointConnectionError", "ConnectTimeoutError"}:
        server = str(getattr(error, "kwargs", {}).get("endpoint_url", "the store")).partition("?")[0]
        return f"cannot connect to {server}: is it running, and does AWS_ENDPOINT_URL=http://localhost:9000 name it?"
    return _of_response(error)


def _of_response(error: BaseException) -> str:
    response: Any = getattr(error, "response", None)
    if not isinstance(response, dict):
        return ""
    told = response.get("Error", {})
    code = str(told.get("Code", ""))
    said = _OF_CODE.get(code, "")
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = told.get("Region") or headers.get("x-amz-bucket-region") or "eu-west-1, or where it is"
    message = "" if code.isdigit() else f"{code}: "
    return f"{message}{said.format(region=region)}" if said else ""


def _is_endpoint(error: BaseException) -> bool:
    """Whether botocore refuses AWS_ENDPOINT_URL, by an error of Python."""
    return isinstance(error, ValueError) and str(error).startswith("Invalid endpoint")


def _plain(error: BaseException) -> str:
    return str(error).rstrip(".")
