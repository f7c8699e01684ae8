"""An image folder of Hugging Face `datasets`: pictures, and a file with what is said of each."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from dedup_assets.engine.core.records import Source
from dedup_assets.engine.exporting.holding import bytes_of, ending_of


def write_hugging_face(
    folder: Path, rows: Sequence[tuple[Source, dict[str, Any]]], labels: Mapping[str, Sequence[str]]
) -> None:
    """Write all images in one split, because names of folders such as `test` would be taken for splits.

    Args:
        folder: where to.
        rows: each image with what is said of it.
        labels: names of the classes of columns of whole numbers. A file of JSON lines cannot hold them, so that there
            is one of Parquet where there are such columns.
    """
    top = folder / "train"
    top.mkdir()
    lines = []
    for number, (source, said) in enumerate(rows):
        data = bytes_of(source, said["content"])
        name = f"{number:09d}{ending_of(source.name, data)}"
        (top / name).write_bytes(data)
        others = {column: value for column, value in said.items() if column != "filename"}
        lines.append({"file_name": name, "source": said["filename"], **others})
    if not labels:
        (top / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        return
    features = {column: {"names": list(names), "_type": "ClassLabel"} for column, names in labels.items()}
    import pyarrow.parquet  # it has read the table that the labels are of

    about = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pl.DataFrame(lines, infer_schema_length=None).to_arrow().replace_schema_metadata(about)
    pyarrow.parquet.write_table(table, top / "metadata.parquet")
