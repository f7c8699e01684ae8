"""Every parameter: its default, which values are refused, and the message."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dedup_assets.engine.core.errors import SettingsError
from dedup_assets.engine.core.graph_settings import GraphSettings
from dedup_assets.engine.core.records import BoundingBox
from dedup_assets.engine.core.settings import Settings, allowed


def refused(**values: Any) -> str:
    """The message with which values are refused."""
    with pytest.raises(SettingsError) as error:
        Settings.parse(**values)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_defaults_are_those_of_the_contract() -> None:
    expected = {
        "compute": "cpu",
        "num_threads": -1,
        "num_images": -1,
        "turi_param": "",
        "distance": "cosine",
        "threshold": 0.85,
        "lower_threshold": 0.3,
        "model_path": "",
        "nearest_neighbors_k": 2,
        "run_mode": 0,
        "nn_provider": "faiss",
        "min_offset": -1,
        "max_offset": -1,
        "faiss_mode": "auto",  # fastdup documents HNSW32; ours chooses unless a user names one
        "faiss_param": "",
        "bounding_box": "",
        "verbose": False,
        "version": False,
    }
    found = Settings.parse().model_dump()
    assert {name: found[name] for name in expected} == expected


def test_every_parameter_has_a_description() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_none_means_the_default() -> None:
    assert Settings.parse(threshold=None, faiss_mode=None) == Settings.parse()


@pytest.mark.parametrize(
    ("given_as", "meant"),
    [
        ({"nn_provider": "nnf"}, {"nn_provider": "faiss"}),
        ({"faiss_mode": "HSNW32"}, {"faiss_mode": "HNSW32"}),
        ({"nnmodel": 1}, {"nnmodel": "ball_tree"}),
        ({"nnmodel": "2"}, {"nnmodel": "lsh"}),
        ({"threshold": "0.9"}, {"threshold": 0.9}),
        ({"min_offset": 0}, {"min_offset": 0}),
    ],
)
def test_synonyms_and_other_spellings_are_understood(given_as: dict[str, Any], meant: dict[str, Any]) -> None:
    found = Settings.parse(**given_as)
    assert {name: getattr(found, name) for name in meant} == meant


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"threshold": 1.5}, "threshold=1.5: must be from 0 to 1"),
        ({"threshold": float("nan")}, "threshold=nan: must be from 0 to 1"),
        ({"lower_threshold": -0.1}, "lower_threshold=-0.1: must be from 0 to 1"),
        ({"compute": "tpu"}, "compute='tpu': must be one of cpu, gpu"),
        ({"distance": "hamming"}, "must be one of cosine, euclidean, squared_euclidean, manhattan"),
        ({"nn_provider": "annoy"}, "must be one of faiss, turi"),
        ({"num_threads": 0}, "num_threads=0: must be -1 (no limit) or at least 1"),
        ({"num_threads": -2}, "num_threads=-2: must be at least -1"),
        ({"num_images": 0}, "num_images=0"),
        ({"nearest_neighbors_k": 0}, "nearest_neighbors_k=0: must be from 1 to 10000"),
        ({"nearest_neighbors_k": 2.5}, "nearest_neighbors_k=2.5: must be a whole number from 1 to 10000"),
        ({"threshold": "high"}, "threshold='high': must be a number from 0 to 1"),
        ({"threshold": True}, "threshold=True: must be a number from 0 to 1"),
        ({"nearest_neighbors_k": True}, "nearest_neighbors_k=True: must be a whole number from 1 to 10000"),
        ({"run_mode": False}, "run_mode=False: must be a whole number from 0 to 4"),
        ({"distance": "cosin"}, "squared_euclidean, manhattan (did you mean 'cosine'?)"),
        ({"run_mode": 5}, "run_mode=5: must be from 0 to 4"),
        ({"run_mode": "fast"}, "run_mode='fast'"),
        ({"verbose": "perhaps"}, "verbose='perhaps'"),
        ({"faiss_mode": ""}, "faiss_mode=''"),
        ({"work_dir": 5}, "work_dir=5"),
        ({"min_offset": 5, "max_offset": 5}, "max_offset=5: must be greater than min_offset=5"),
        ({"max_offset": 0}, "max_offset=0"),
        ({"nnmodel": "kd_tree"}, "nnmodel='kd_tree' must be 0 or brute_force, 1 or ball_tree, 2 or lsh"),
        ({"nnmodel": "lsh", "turi_param": "nnmodel=0"}, "give one of them"),
        ({"treshold": 0.5}, "unknown parameter 'treshold'"),
    ],
)
def test_a_wrong_value_is_said_with_its_name_and_what_is_allowed(wrong: dict[str, Any], said: str) -> None:
    assert said in refused(**wrong)


def test_all_mismatches_are_said_at_once() -> None:
    message = refused(threshold=2, run_mode=9, faiss_param="x")
    assert all(name in message for name in ("threshold=2", "run_mode=9", "faiss_param='x'"))


def test_what_is_allowed_is_told_of_every_bounded_parameter() -> None:
    assert allowed("distance") == "one of cosine, euclidean, squared_euclidean, manhattan"
    assert allowed("threshold") == "from 0 to 1"
    assert allowed("shard_size") == "at least 1"
    assert allowed("input_dir") == ""


# turi_param


def test_the_graph_joins_above_the_threshold_unless_ccthreshold_is_given() -> None:
    assert Settings.parse(threshold=0.7).graph == GraphSettings(0.7, run_cc=True, run_pagerank=True, run_degree=True)
    settings = Settings.parse(turi_param=" ccthreshold = 0.96 , run_cc=0,run_pagerank=0,run_degree=1,")
    assert settings.graph == GraphSettings(0.96, run_cc=False, run_pagerank=False, run_degree=True)


@pytest.mark.parametrize("name", [{"nnmodel": "lsh"}, {"turi_param": "nnmodel=2"}, {"turi_param": "nnmodel=lsh"}])
def test_the_method_of_turi_may_stand_in_either_place(name: dict[str, str]) -> None:
    assert Settings.parse(nn_provider="turi", **name).search.nnmodel == "lsh"


@pytest.mark.parametrize(
    "text",
    [
        "nnmodel=3",
        "ccthreshold=1.1",
        "ccthreshold=nan",
        "ccthreshold=x",
        "run_cc=2",
        "run_pagerank=true",
        "bogus=1",
        "nnmodel",
        "=1",
        "run_cc=",
        "run_cc=1,run_cc=0",
        "nnmodel=0;run_cc=1",
    ],
)
def test_a_wrong_turi_param_is_refused(text: str) -> None:
    assert f"turi_param={text!r}" in refused(turi_param=text)


# faiss_param


def test_several_parameters_of_faiss_are_read() -> None:
    assert Settings.parse(faiss_param="efSearch=175, nprobes=200").search.faiss_param == {
        "efSearch": 175,
        "nprobes": 200,
    }


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1e30", "many", ""])
def test_a_parameter_of_faiss_that_is_no_number_it_can_hold_is_refused(value: str) -> None:
    assert "faiss_param=" in refused(faiss_param=f"efSearch={value}")


def test_a_misspelt_key_of_a_text_is_answered_with_the_one_that_was_meant() -> None:
    assert "'ccthreshhold' (did you mean 'ccthreshold'?)" in refused(turi_param="ccthreshhold=0.9")
    assert "(did you mean 'ball_tree'?)" in refused(nnmodel="balltree")
    assert "'widht' (did you mean 'width'?)" in refused(bounding_box="rows=0,cols=0,widht=1,height=1")
    told = refused(treshold=0.9)
    assert "'treshold' (did you mean 'threshold'?): all " in told
    assert len(told) < 200


# bounding_box


@pytest.mark.parametrize("text", ["rows=1,cols=2,width=30,height=40", " height=40, width=30, row_y=1, col_x=2 "])
def test_a_bounding_box_is_read_in_either_spelling(text: str) -> None:
    assert Settings.parse(bounding_box=text).box == BoundingBox(row=1, col=2, width=30, height=40)


def test_no_bounding_box_is_none() -> None:
    assert Settings.parse().box is None
    assert Settings.parse(bounding_box="  ").box is None


@pytest.mark.parametrize(
    "text",
    [
        "rows=1",
        "rows=1,cols=2,width=0,height=4",
        "rows=-1,cols=2,width=3,height=4",
        "x=1,y=2,width=3,height=4",
        "rows=1.5,cols=2,width=3,height=4",
        "rows=1,row_y=2,cols=2,width=3,height=4",
        ",",
        "face",
    ],
)
def test_a_wrong_bounding_box_is_refused(text: str) -> None:
    assert f"bounding_box={text!r}" in refused(bounding_box=text)


# Values of any type


anything = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.text()))
almost = st.text(alphabet="nmodelruc_=,01 .-²\udcff\0", max_size=30)


@given(name=st.sampled_from([*Settings.model_fields, "bogus"]), value=st.one_of(anything, almost))
@example("bounding_box", "rows=" + "9" * 5000 + ",cols=1,width=1,height=1")
@example("turi_param", "nnmodel=²")
def test_whatever_is_given_is_either_understood_or_refused_in_one_line(name: str, value: object) -> None:
    try:
        settings = Settings.parse(**{name: value})
    except SettingsError as error:
        assert name in str(error)  # noqa: PT017 - either outcome is right
        return
    assert settings.graph
    assert settings.search
    assert settings.box is None or settings.box.width
    assert Settings.parse(**settings.model_dump()) == settings


# input_dir


def test_inputs_are_one_text_or_a_list_of_texts() -> None:
    assert Settings.parse(input_dir="photos").input_dir == "photos"
    assert Settings.parse(input_dir=["photos", "s3://bucket"]).input_dir == ["photos", "s3://bucket"]


@pytest.mark.parametrize("wrong", [5, [], ["photos", 5], [["photos"]], {"photos": 1}])
def test_inputs_of_another_type_are_refused_once(wrong: object) -> None:
    message = refused(input_dir=wrong)
    assert message.startswith(f"input_dir={wrong!r}: ")
    assert message.count("input_dir=") == 1


def test_a_long_list_of_inputs_is_short_in_a_message() -> None:
    message = refused(input_dir=[f"{number}.jpg" for number in range(1000)], run_mode=4)
    assert "input_dir=['0.jpg', '1.jpg', '2.jpg'] and 997 more: run_mode=4 takes one folder" in message
