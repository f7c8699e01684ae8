"""Looking at what a run found and deciding, in a browser: the pairs, the server and its pages.

Only verdicts and plans are written. Nothing is moved or deleted.
"""

from dedup_assets.service.review.serving import review

__all__ = ["review"]
