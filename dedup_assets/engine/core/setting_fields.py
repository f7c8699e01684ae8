"""Every parameter, once: name, default, bounds and meaning.

The Python API, the command line and Dagster's launchpad derive their arguments, help texts and defaults from these
fields. A new parameter is a field here and exists at every door; a row of docs/reference.md describes it. Names and
meanings follow fastdup's interface (docs/compatibility.md); the descriptions below settle what that leaves open. Rules
that join parameters belong in `settings`.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from dedup_assets.engine.core.defaults import IMAGE_SECONDS, MAX_PIXELS, MAX_REMOVED_SHARE
from dedup_assets.engine.core.keep_rules import DEFAULT_POLICY
from dedup_assets.engine.core.root_roles import RootTexts
from dedup_assets.engine.core.run_modes import RunMode
from dedup_assets.engine.core.search_settings import Distance
from dedup_assets.engine.core.set_names import NamedSets
from dedup_assets.engine.core.setting_values import (
    BoundingBoxText,
    FaissParam,
    HomePath,
    Inputs,
    KeepPolicy,
    Labels,
    Patterns,
    TuriParam,
)

AUTO = "auto"
"""The `faiss_mode` that lets the tool choose an index."""


class SettingFields(BaseModel):
    """The parameters of a run; `Settings` checks them together."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    input_dir: Inputs = Field(
        default="",
        description="What to read: a folder (searched recursively), an image, a video, a zip or tar archive, a "
        "data set in Parquet or Arrow files, an fsspec URL of any of these (s3://bucket/prefix), a text file with one "
        "path or URL per row, or a list of these; with run_mode 4 a folder or file of stored features.",
    )
    sets: NamedSets = Field(
        default=[],
        description="Named sets, each NAME=INPUT, such as train=photos/train; several inputs of one name are one set. "
        "They are read too, and leaks between them are found.",
    )
    set_column: str = Field(
        default="", description="Column of the list files in input_dir (CSV or TSV) that names the set of each row."
    )
    set_folders: bool = Field(
        default=False,
        description="Folders of input_dir that are named train, val or test (or training, validation, dev, ...) are "
        "sets. On the way to an image the first such folder counts.",
    )
    evaluation_sets: Patterns = Field(
        default=[],
        description="Names of the sets that are for evaluation and stay as they are; none: all but the first, or all "
        "but train where a column or folders name the sets.",
    )
    include: Patterns = Field(
        default=[],
        description="Glob patterns of the images and videos to list; none: all. A pattern without a slash is compared "
        "with the name at any depth, another one with the path below the input (or within the archive); * stops at a "
        "slash, ** does not.",
    )
    exclude: Patterns = Field(
        default=[],
        description="Glob patterns, as of include, of files and folders to leave out; exclude wins over include.",
    )
    work_dir: HomePath = Field(default=".", description="Where results go: a local folder or an fsspec URL.")
    compute: Literal["cpu", "gpu"] = Field(
        default="cpu",
        description="Where the embedding runs. gpu needs the package onnxruntime-gpu in place of onnxruntime; "
        "without a usable GPU the run is refused.",
    )
    verbose: bool = Field(default=False, description="Show Dagster's log and, after an internal error, the traceback.")
    num_threads: int = Field(
        default=-1, ge=-1, description="Total number of threads for decoding, embedding and search; -1: one per core."
    )
    num_images: int = Field(
        default=-1, ge=-1, description="Use only the first n images of the listing, after offsets; -1: all."
    )
    turi_param: TuriParam = Field(
        default="",
        description="Comma-separated key=value: nnmodel (0 brute_force, 1 ball_tree, 2 lsh), ccthreshold (0 to 1), "
        "run_cc, run_pagerank, run_degree (0 or 1). All but nnmodel apply to both providers.",
    )
    distance: Distance = Field(
        default="cosine",
        description="Metric of the search. Results are similarities: the cosine, or 1 / (1 + distance) for the others.",
    )
    threshold: float = Field(
        default=0.85,
        ge=0,
        le=1,
        description="Pairs with at least this similarity are stored: 1 is identical, 0.98 almost identical, 0.85 very "
        "similar.",
    )
    lower_threshold: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="An image is an outlier if its similarity to every other image is below this value.",
    )
    model_path: HomePath = Field(
        default="", description="Path of an ONNX model that embeds images; empty: the built-in model."
    )
    version: bool = Field(default=False, description="Print the version and do nothing else.")
    nearest_neighbors_k: int = Field(
        default=2,
        ge=1,
        le=10_000,
        description="Neighbours searched per image, without the image itself, with its exact duplicates.",
    )
    run_mode: int = Field(
        default=int(RunMode.EVERYTHING),
        ge=min(RunMode).value,
        le=max(RunMode).value,
        description="0: everything. 1: features only. 2: similarity and graph from the features stored in work_dir "
        "(a folder, the path of features.dat, or a folder of such folders). 3: score the images of input_dir against "
        "the train set in work_dir; results go to work_dir/test, and no pixels are compared, so this is no check for "
        "leaks (sets). 4: the same for features that run_mode 1 stored in input_dir. In Dagster the "
        "selected assets decide; there 3 or 4 only says what the test assets read.",
    )
    nn_provider: Literal["faiss", "turi"] = Field(default="faiss", description="Provider of the neighbour search.")
    nnmodel: str = Field(
        default="",
        description="Method of the turi provider: brute_force (exact), ball_tree or lsh; or give it in turi_param.",
    )
    min_offset: int = Field(
        default=-1, ge=-1, description="Position in the full listing where reading begins; -1: the start."
    )
    max_offset: int = Field(
        default=-1, ge=-1, description="Position in the full listing before which reading ends; -1: the end."
    )
    faiss_mode: str = Field(
        default=AUTO,
        min_length=1,
        description="A faiss index_factory string, such as HNSW32 or Flat. auto chooses by the number of images: exact "
        "up to 20,000, then an inverted file tuned to recall_target; HNSW32 if faiss_param is given.",
    )
    recall_target: float = Field(
        default=0.99,
        ge=0,
        le=1,
        description="Share of true neighbours that faiss_mode=auto is tuned to find; a check warns below it.",
    )
    faiss_param: FaissParam = Field(
        default="", description="Comma-separated search parameters of the index, such as efSearch=175,nprobe=200."
    )
    bounding_box: BoundingBoxText = Field(
        default="",
        description="Crop before embedding: rows=,cols=,width=,height= in pixels; row_y and col_x are synonyms.",
    )
    video_fps: float = Field(
        default=1.0,
        ge=0.0,
        le=240.0,
        description="Frames per second of video to read, each as an image; 0: only the key frames.",
    )
    shard_size: int = Field(
        default=5000, ge=1, description="Images per offset range: the unit of partitions, of resuming and of reuse."
    )
    range_search: bool = Field(
        default=False,
        description="Also find all images with at least `threshold` similarity (range search), not only the k nearest.",
    )
    range_search_limit: int = Field(
        default=1000,
        ge=1,
        le=10_000,
        description="The most neighbours that a range search keeps per image, the most similar first. It bounds the "
        "rows of thousands of identical images, which still form one component.",
    )
    search_range_size: int = Field(
        default=100_000,
        ge=1,
        description="Rows of features.dat per search: the unit of sharing among workers, of resuming and of memory.",
    )
    evidence: Literal["on", "off"] = Field(
        default="on",
        description="Compare the pixels of similar images; off: evidence and groups are empty.",
    )
    evidence_pairs_per_image: float = Field(
        default=3.0,
        ge=0,
        le=100,
        description="Pairs whose pixels are compared, per image and at most; the most similar come first. Pairs across "
        "named sets have as many again.",
    )
    keep_policy: KeepPolicy = Field(
        default=DEFAULT_POLICY,
        description="Which image of a group is kept: photos, dataset or archive; or rules joined by commas, of which "
        "the first that tells two images apart decides; or a YAML file with a list of rules.",
    )
    labels: Labels = Field(
        default="",
        description="Labels of the images: folders (the name of an image's folder, unless that is a set or the "
        "input of one), FILE.csv or FILE.csv:COLUMN, or a COCO file (.json). Images of one picture with different "
        "labels are in label_conflicts.csv.",
    )
    verdicts: HomePath = Field(
        default="", description="File of verdicts (path or URL) that work_dirs may share; empty: work_dir/verdicts.csv."
    )
    roots: RootTexts = Field(
        default=[],
        description="Roles of folders and prefixes, each PATH:ROLE. Files of protected roots are never acted upon, nor "
        "those of reference roots, whose copies of one another are not listed; with an inbox, only its files may go.",
    )
    across_only: bool = Field(
        default=False, description="Leave alone copies inside one input or root; only copies across these count."
    )
    group_ids_from: HomePath = Field(
        default="",
        description="A work_dir, or a copy of its group_ids.parquet under any name, whose ids of groups a new "
        "work_dir continues.",
    )
    max_pixels: int = Field(
        default=MAX_PIXELS, ge=1, description="Images with more pixels are not decoded (ERROR_IMAGE_TOO_LARGE)."
    )
    image_seconds: float = Field(
        default=IMAGE_SECONDS,
        ge=0.1,
        le=86_400.0,
        description="Seconds allowed for reading and decoding one image, without waiting for a store; a slower one is "
        "bad (ERROR_UNREADABLE). CPU seconds allowed for unpacking a member or listing an archive: `image_seconds`, "
        "plus one per MiB of archive read.",
    )
    gallery_pairs: int = Field(
        default=50,
        ge=1,
        description="Pairs, outliers and components that the gallery shows first, with large thumbnails.",
    )
    gallery_thumbnails: int = Field(
        default=1000,
        ge=0,
        description="Further files of lists, then of the map, that have a small thumbnail in the gallery, about 8 kB "
        "each, so that it can be zipped and mailed; none of files on stores. The gallery says how many files "
        "have none.",
    )
    max_bad_share: float = Field(default=0.1, ge=0, le=1, description="A check reports a larger share of bad images.")
    max_duplicate_share: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="A check reports a larger share of images that repeat another: all but one per component.",
    )
    max_component_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="A check reports a larger share of images in one component, from 100 images on; then the threshold "
        "may be too low.",
    )
    max_removed_share: float = Field(
        default=MAX_REMOVED_SHARE, ge=0, le=1, description="A check reports plans that remove more of all or one input."
    )
    max_leaks: int = Field(
        default=0,
        ge=0,
        description="With more images of evaluation sets in another set, too, a run fails. Variants do not count. "
        "Needs sets.",
    )
    stop_on_failed_checks: bool = Field(
        default=False, description="Stop a run with an error, not a warning, beyond a max_..._share or recall_target."
    )
