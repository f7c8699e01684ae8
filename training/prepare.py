"""Collect the photographs of sources.tsv into one file of small JPEGs.

    python -m training.prepare --clones CLONES --out DATA [--exclude FOLDER] [--held-back]

CLONES holds one clone per repository, named OWNER+NAME; a missing one is cloned. Pictures are read from
the listed commit, so no work tree is needed. DATA gets photos.bin (the JPEGs, shuffled), index.npy
(offset and length of each), photos.tsv (set, path, hash), and evaluate/ with the held-back originals.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from training.drawn import page

SEED = 20261122
LONGEST = 384  # pixels; crops of half of each side still have the network's input size
SHORTEST = 96  # pixels; smaller pictures are left out
DRAWN = 3000  # pages
SUFFIXES = (".jpg", ".jpeg", ".png")
HERE = Path(__file__).parent


class Source(NamedTuple):
    """One line of sources.tsv."""

    set: str
    repository: str
    commit: str
    folder: str
    pattern: str
    limit: int
    licence: str
    use: str


class Photo(NamedTuple):
    """A training photograph: its set, path and Git blob, and its JPEG."""

    set: str
    path: str
    blob: str
    data: bytes


def sources() -> list[Source]:
    """Read sources.tsv."""
    with (HERE / "sources.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [Source(**{**row, "limit": int(row["limit"])}) for row in rows]  # type: ignore[arg-type]


def git_directory(source: Source, clones: Path) -> Path:
    """The git directory of the repository; clones it if it is missing."""
    folder = clones / source.repository.replace("/", "+")
    if not folder.exists():
        address = f"https://github.com/{source.repository}"
        subprocess.run(["git", "clone", "--bare", address, str(folder)], check=True)
    for place in (folder, folder / ".git", folder / "repo", folder / "repo" / ".git"):
        if (place / "HEAD").exists():
            return place
    raise FileNotFoundError(f"no git directory under {folder}")


def listing(source: Source, git: Path) -> list[tuple[str, str]]:
    """Path and blob of each picture of a source, sorted."""
    command = ["git", "-C", str(git), "ls-tree", "-r", "-z", source.commit]
    out = subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8", "replace")
    found = []
    for line in filter(None, out.split("\0")):
        head, path = line.split("\t", 1)
        inside = not source.folder or path.startswith(source.folder + "/")
        if inside and source.pattern in path and path.lower().endswith(SUFFIXES):
            found.append((path, head.split()[2]))
    return sorted(found)


def contents(git: Path, blobs: list[str]) -> Iterator[bytes]:
    """The bytes of each blob; empty if a partial clone lacks it."""
    command = ["git", "-C", str(git), "cat-file", "--batch"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for blob in blobs:
            process.stdin.write(f"{blob}\n".encode())
            process.stdin.flush()
            head = process.stdout.readline().split()
            if head[-1] == b"missing":
                yield b""
                continue
            yield process.stdout.read(int(head[2]))
            process.stdout.read(1)
        process.stdin.close()


def shrink(data: bytes) -> bytes:
    """A JPEG with sides of at most LONGEST pixels; empty if the picture is unreadable or too small."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None or min(picture.shape[:2]) < SHORTEST:
        return b""
    scale = LONGEST / max(picture.shape[:2])
    if scale >= 1 and data[:2] == b"\xff\xd8":
        return data
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def blob_name(data: bytes) -> str:
    """The name that Git gives a file's content (its blob hash)."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def choose(source: Source, git: Path, seen: set[str]) -> list[tuple[str, str]]:
    """The pictures to read from a source: each content once, at most `limit` of them, chosen by SEED."""
    found = [(path, blob) for path, blob in listing(source, git) if source.use == "evaluate" or blob not in seen]
    unique = list({blob: (path, blob) for path, blob in reversed(found)}.values())
    if source.limit and len(unique) > source.limit:
        return random.Random(SEED).sample(unique, source.limit)
    return unique


def drawn_pages() -> Iterator[Photo]:
    """The pages of drawn.py."""
    for seed in range(DRAWN):
        data = cv2.imencode(".jpg", page(seed)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
        yield Photo("drawn", str(seed), blob_name(data), data)


def write_photos(out: Path, photos: list[Photo]) -> None:
    """Write the training photographs, shuffled, so that the first n of them are a sample."""
    random.Random(SEED).shuffle(photos)
    sizes = np.array([len(photo.data) for photo in photos], np.int64)
    np.save(out / "index.npy", np.stack([np.cumsum(sizes) - sizes, sizes], 1))
    with (out / "photos.bin").open("wb") as file:
        file.writelines(photo.data for photo in photos)
    with (out / "photos.tsv").open("w") as table:
        table.writelines("\t".join(photo[:3]) + "\n" for photo in photos)


def main() -> None:
    """Write DATA."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--exclude", type=Path, help="leave out every picture that is also in this folder")
    parser.add_argument("--held-back", action="store_true", help="write only the originals to evaluate on")
    options = parser.parse_args()
    held_back = options.out / "evaluate"
    held_back.mkdir(parents=True, exist_ok=True)
    files = options.exclude.rglob("*") if options.exclude else []
    seen = {blob_name(path.read_bytes()) for path in files if path.is_file()}
    photos: list[Photo] = []
    for source in sources():
        if options.held_back and source.use != "evaluate":
            continue
        git = git_directory(source, options.clones)
        chosen = choose(source, git, seen)
        seen.update(blob for _, blob in chosen)
        for (path, blob), raw in zip(chosen, contents(git, [blob for _, blob in chosen]), strict=True):
            if source.use == "evaluate":
                (held_back / f"{source.set}_{blob[:12]}{Path(path).suffix}").write_bytes(raw)
            elif small := shrink(raw):
                photos.append(Photo(source.set, path, blob, small))
        print(f"{source.set}: {len(chosen)}", flush=True)
    if not options.held_back:
        write_photos(options.out, [*photos, *drawn_pages()])


if __name__ == "__main__":
    main()
