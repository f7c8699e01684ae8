"""Whether what belongs to an image lies beside another one too, so that nothing is left alone when the image goes."""

import hashlib
import os
from functools import cache

from dedup_assets.engine.inputs.annotations import Annotations
from dedup_assets.engine.inputs.stacks import Stacks
from dedup_assets.engine.stores import is_url


class Belongings:
    """Whether the kept image of a group has what belongs to another one: sidecars and other halves, with their bytes.

    So it is with what is noted of it in files of its folder.
    """

    def __init__(self) -> None:
        self._stacks = Stacks(os.listdir)
        self._annotations = Annotations(self._stacks, _bytes_of)
        self._of = cache(self._read)

    def are_kept(self, name: bytes, keep: bytes) -> bool:
        """Whether all that lies beside one image lies beside the other too. What cannot be read counts as lacking.

        Args:
            name: an image.
            keep: the one that is kept in its place.
        """
        own = self._of(name)
        return not own or (None not in own and own <= self._of(keep))

    def _read(self, name: bytes) -> frozenset[tuple[bytes, bytes] | None]:
        if is_url(name):
            return frozenset()
        try:
            beside = self._stacks.beside(name)
            found = {**beside.notes, **beside.halves}
            noted = self._annotations.of(name)
            if not (found or noted) or not os.path.lexists(name):
                return frozenset()
            return noted.union((kind, _digest_of(each)) for each, kind in found.items())
        except OSError:
            return frozenset((None,)) if os.path.lexists(name) else frozenset()


def _digest_of(name: bytes) -> bytes:
    with open(name, "rb") as file:  # noqa: PTH123 - bytes
        return hashlib.file_digest(file, "sha256").digest()


def _bytes_of(name: bytes) -> bytes:
    with open(name, "rb") as file:  # noqa: PTH123 - bytes
        return file.read()
