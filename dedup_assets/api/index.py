"""Asking the results of a run about images: which of its images each one resembles, and which are the same picture.

Heavy libraries are imported inside the functions, so that `import dedup_assets` stays quick.
"""

import os
import threading
import weakref
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from dedup_assets.api.arguments import path_of, plain
from dedup_assets.api.results import readable
from dedup_assets.engine.core.errors import ImageError, SettingsError

if TYPE_CHECKING:
    import polars as pl

    from dedup_assets.engine.query import Answerer, GivenImage, ImageAnswer, StoredIndex

Image = Any
"""One image: a path, a URL where these are allowed, the bytes of a file, an array of uint8 of shape
(height, width, 3) for RGB or (height, width) for gray, or a picture of Pillow."""

DEFAULT_K = 10
_AXES_OF_A_PICTURE = (2, 3)  # gray, RGB
_SAVED_AS_THEY_ARE = {"1", "L", "LA", "P", "RGB", "RGBA"}  # modes of Pillow that PNG holds


class Index:
    """The results of a run, opened to ask them about images. A new run's results are used from the next question on.

    The vectors of a question are made as the stored ones were: with the same model, crop and decoders. Images are
    decoded in processes of their own, which end with `close`, at the end of a `with` block, or with this process.
    Several threads may ask.

    Args:
        work_dir: folder or URL that a run wrote to.
        model_path: the model that made the vectors, if it is no longer where the run read it.
        num_threads: how many images are decoded and embedded at once; -1: one per usable core.
        allow_urls: whether images may be named by URLs, which are then read.

    Raises:
        SettingsError: a parameter has a value that is not allowed.
        WorkDirError: there are no results, they are damaged, or made with another model.
        ModelError: the model cannot be used.
        WorkerError: no decoding process can be started.
    """

    def __init__(
        self,
        work_dir: str | os.PathLike[str],
        *,
        model_path: str | os.PathLike[str] | None = None,
        num_threads: int = -1,
        allow_urls: bool = False,
    ) -> None:
        from dedup_assets.engine.core.settings import Settings
        from dedup_assets.engine.decoders.asking import open_decoders
        from dedup_assets.engine.query import NewestResults, open_stored
        from dedup_assets.engine.work_dir import WorkDir
        from dedup_assets.engine.workers import thread_count

        self._place, self._allow_urls = path_of("work_dir", work_dir), allow_urls
        threads = thread_count(Settings.parse(num_threads=num_threads).num_threads)
        model = None if model_path is None else os.fspath(model_path)
        self._newest = NewestResults(WorkDir(self._place), lambda place: open_stored(place, model, threads))
        self._lock = threading.Lock()
        opened = ExitStack()
        self._decoders = opened.enter_context(open_decoders(threads))
        self.close = weakref.finalize(self, opened.close)
        """End the decoding processes."""
        self._answerer = self._answers_of(self._newest.results)

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Number of images that can be found."""
        return len(self._newest.results)

    def __repr__(self) -> str:
        """The place, and how many images there are."""
        return f"Index({self._place!r}: {len(self)} images)"

    @property
    def generation(self) -> str:
        """Name of the generation of results that the last question was answered from."""
        return self._newest.results.generation

    def query(
        self, images: Image | Iterable[Image], *, k: int = DEFAULT_K, min_similarity: float | None = None,
        evidence: bool = True,
    ) -> "pl.DataFrame":  # fmt: skip
        """Find the images that resemble the given ones.

        Args:
            images: one image or several, each a path, the bytes of a file, an array of uint8 of shape
                (height, width, 3) for RGB or (height, width) for gray, a picture of Pillow, or a URL where these are
                allowed.
            k: most images that are found for each.
            min_similarity: least similarity of these; by default 0.45 for cosine, below which hardly an image is the
                same picture, and none for other metrics.
            evidence: compare the pixels of found images with those of the given one. This reads the found images.

        Returns:
            A row per image found, the most similar first: `position` (of the given image, from 0), `query` (its name),
            `rank` (from 1), `filename`, `similarity`, `same_picture` (whether bytes or pixels prove it), `relation`,
            `kind` and `edited` (given or stored: which is the edited one) as in evidence.csv, `group_id` and `keep` of
            its group, `gone` (its file is no longer there) and `also` (other names of its file). Without evidence
            `same_picture` to `edited` are null. A given image that cannot be used has one row, with `error_code` and
            `error`.

        Raises:
            SettingsError: a parameter has a value that is not allowed, or an image is of none of these kinds.
            WorkDirError, ModelError: new results cannot be opened.
            SearchError: the index cannot be searched.
            WorkerError: no decoding process can be started.
        """
        return _table(self.ask(images, k=k, min_similarity=min_similarity, evidence=evidence))

    def ask(
        self, images: Image | Iterable[Image], *, k: int = DEFAULT_K, min_similarity: float | None = None,
        evidence: bool = True,
    ) -> "list[ImageAnswer]":  # fmt: skip
        """As `query`, but with a record for each given image."""
        from dedup_assets.engine.query import Inquiry

        if isinstance(k, bool) or not isinstance(plain(k), int) or k < 1:
            raise SettingsError(f"k={k!r}: must be a whole number, at least 1")
        least = plain(min_similarity)
        is_number = isinstance(least, int | float) and not isinstance(least, bool)
        if least is not None and not (is_number and -1 <= least <= 1):  # type: ignore[operator]  # a number
            raise SettingsError(f"min_similarity={min_similarity!r}: must be a number from -1 to 1")
        given = self._given(images)
        answerer = self._answers_of(self._newest.renew())
        return list(answerer.answer_all(given, Inquiry(int(k), min_similarity, evidence)))

    def _answers_of(self, stored: "StoredIndex") -> "Answerer":
        from dedup_assets.engine.query import Answerer

        with self._lock:
            if getattr(self, "_answerer", None) is None or self._answerer.stored is not stored:
                self._answerer = Answerer(stored, self._decoders)
            return self._answerer

    def _given(self, images: object) -> "list[GivenImage]":
        several: Sequence[object] = [images] if _is_one(images) else list(_iterated(images))
        return [self._given_image(image, number) for number, image in enumerate(several)]

    def _given_image(self, image: Any, number: int) -> "GivenImage":  # noqa: ANN401 - see `Image`
        from dedup_assets.engine.query import GivenImage, given_array, given_bytes, given_name

        label = f"image {number}"
        if isinstance(image, bytes | bytearray | memoryview):
            return given_bytes(bytes(image), label)
        if isinstance(image, str | os.PathLike):
            seconds = self._newest.results.extraction.seconds
            return given_name(path_of(label, image), seconds, allow_urls=self._allow_urls)
        if _is_pillow(image):
            label = os.fsdecode(getattr(image, "filename", "") or label)
            try:
                return given_bytes(_as_png(image), label)
            except (OSError, ValueError, SyntaxError) as error:
                from dedup_assets.engine.core.records import ErrorCode

                return GivenImage(label, ImageError(ErrorCode.CORRUPT_IMAGE, str(error)))
        if hasattr(image, "__array__"):
            import numpy as np

            return given_array(np.asarray(image), label)
        raise SettingsError(
            f"{label} is a {type(image).__name__}: must be a path, bytes, an array of uint8 of shape (height, width, "
            "3) or (height, width), or a picture of Pillow"
        )


def _is_one(images: object) -> bool:
    if isinstance(images, str | bytes | bytearray | memoryview | os.PathLike) or _is_pillow(images):
        return True
    return hasattr(images, "__array__") and getattr(images, "ndim", 0) in _AXES_OF_A_PICTURE


def _iterated(images: object) -> Iterable[object]:
    if not isinstance(images, Iterable):
        raise SettingsError(f"images={images!r:.200}: must be an image or an iterable of images")
    return images


def _is_pillow(image: object) -> bool:
    return type(image).__module__.startswith("PIL.")


def _as_png(image: Any) -> bytes:  # noqa: ANN401 - a picture of Pillow, which only decoding processes import
    from io import BytesIO

    file = BytesIO()
    shown = image if image.mode in _SAVED_AS_THEY_ARE else image.convert("RGB")
    shown.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _table(answers: "Sequence[ImageAnswer]") -> "pl.DataFrame":
    import polars as pl

    schema: dict[str, Any] = {
        **{"position": pl.UInt32, "query": pl.String, "rank": pl.UInt32, "filename": pl.Binary},
        **{"similarity": pl.Float64, "same_picture": pl.Boolean, "relation": pl.String, "kind": pl.String},
        **{"edited": pl.String, "group_id": pl.String, "keep": pl.Binary, "gone": pl.Boolean},
        **{"also": pl.List(pl.Binary), "error_code": pl.String, "error": pl.String},
    }
    rows: list[tuple[object, ...]] = []
    for position, answer in enumerate(answers):
        query = answer.label.encode("utf-8", "backslashreplace").decode()
        if answer.problem is not None:
            rows.append((position, query, *[None] * 11, str(answer.problem.code), str(answer.problem)))
        for rank, found in enumerate(answer.found, 1):
            said = found.witness
            proof = (found.is_same_picture, str(said.relation), said.kind, said.edited) if said else (None,) * 4
            group = (found.group_id or None, found.keep, found.is_gone, list(found.also))
            rows.append((position, query, rank, found.filename, found.similarity, *proof, *group, None, None))
    return readable(pl.DataFrame(rows, schema=schema, orient="row"))
