"""How an outcome is said: return codes, and an error as one line."""

from dedup_assets.engine.core.redaction import redacted

SUCCESS, ERROR = 0, 1


def one_line(error: Exception) -> str:
    """The text of an error on one line, credentials in URLs hidden."""
    return " ".join(redacted(str(error)).split()) or type(error).__name__
