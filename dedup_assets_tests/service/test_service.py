"""The service answers as `query` does, bounds what it is sent, and goes on while results change."""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import dedup_assets
from dedup_assets.engine.query import open_stored
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.service.questions import group_members
from dedup_assets_tests.support.killing import Runner
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.service import Replied, Service, form

CLIENTS = 20


def save_results(folder: Path) -> Path:
    for seed in range(4):
        save_jpeg(folder / "photos" / f"{seed}.jpg", photo_like(seed))
    save_jpeg(folder / "photos" / "small.jpg", photo_like(1).resize((200, 150)))
    assert dedup_assets.run(folder / "photos", folder / "results") == 0
    return folder / "results"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_results(tmp_path_factory.mktemp("service"))


@pytest.fixture(scope="module")
def service(results: Path) -> Iterator[Service]:
    options = ("--max-upload-mib", "1", "--max-images", "3", "--max-pixels", "1000000", "--num-threads", "2")
    with Service(results, *options) as running:
        yield running


def photo(results: Path, name: str) -> bytes:
    return (results.parent / "photos" / name).read_bytes()


def checked(reply: Replied, schema: str, service: Service) -> Any:
    """The reply's value, if it is what the description says."""
    described = service.ask("GET", "/openapi.json").json
    jsonschema.validate(reply.json, {"$ref": f"#/components/schemas/{schema}", "components": described["components"]})
    return reply.json


def test_images_of_one_request_are_answered_in_order_with_bad_ones_between(service: Service, results: Path) -> None:
    replied = service.post(
        "/v1/query?k=2", ("one", photo(results, "3.jpg")), ("bad", b"nothing"), ("other", photo(results, "1.jpg"))
    )
    assert replied.status == 200, replied.text
    value = checked(replied, "Answers", service)
    one, bad, other = value["queries"]
    assert one["matches"][0]["filename"] == str(results.parent / "photos" / "3.jpg")
    assert bad["error"]["code"] == "ERROR_UNSUPPORTED_FORMAT"
    assert [match["same_picture"] for match in other["matches"]] == [True, True]
    assert value["generation"] == service.ask("GET", "/v1/status").json["generation"]


def test_a_body_may_be_one_image_and_a_bad_one_has_a_status_of_its_own(service: Service, results: Path) -> None:
    good = service.ask("POST", "/v1/query?evidence=false", photo(results, "2.jpg"), {"Content-Type": "image/jpeg"})
    assert (good.status, good.json["queries"][0]["matches"][0]["relation"]) == (200, None)
    bad = service.ask("POST", "/v1/query", b"nothing", {"Content-Type": "application/octet-stream"})
    assert bad.status == 422
    checked(bad, "Answers", service)


def test_two_images_are_compared_and_one_may_be_named(service: Service, results: Path) -> None:
    small = photo(results, "small.jpg")
    for b in (photo(results, "1.jpg"), str(results.parent / "photos" / "1.jpg")):
        replied = service.post("/v1/compare", ("a", small), ("b", b))
        assert replied.status == 200, replied.text
        value = checked(replied, "Pair", service)
        assert (value["same_picture"], value["relation"]) == (True, "copy")
        assert "resized" in value["kind"]
    unlike = checked(service.post("/v1/compare", ("a", small), ("b", photo(results, "2.jpg"))), "Pair", service)
    assert not unlike["same_picture"]
    bad = service.post("/v1/compare", ("a", small), ("b", b"nothing"))
    assert bad.status == 422
    assert set(checked(bad, "Unusable", service)["errors"]) == {"b"}


def test_only_images_of_the_results_can_be_named(service: Service, results: Path) -> None:
    for name in ("/etc/passwd", str(results.parent / "photos" / ".." / "photos" / "1.jpg"), "http://127.0.0.1/"):
        assert service.post("/v1/compare", ("a", photo(results, "1.jpg")), ("b", name)).status == 404


def test_a_group_is_told_by_its_id(service: Service, results: Path) -> None:
    (group_id,) = dedup_assets.load(results).groups()["group_id"].unique()
    value = checked(service.ask("GET", f"/v1/groups/{group_id}"), "Group", service)
    assert [member["role"] for member in value["members"]] == ["keep", "copy"]
    assert value["keep"] == value["members"][0]["filename"]
    assert service.ask("GET", "/v1/groups/g-000000000000").status == 404


def test_an_id_that_a_group_had_before_leads_to_the_present_group(results: Path) -> None:
    stored = open_stored(WorkDir(str(results)))
    (group_id,) = stored.groups["group_id"].unique()
    renamed = replace(stored, aliases={"g-former": group_id, "g-gone": ""})
    assert group_members(renamed, "g-former") == group_members(renamed, group_id)
    assert group_members(renamed, "g-gone") is None


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/query?k=0", 400),
        ("/v1/query?k=101", 400),
        ("/v1/query?k=x", 400),
        ("/v1/query?min_similarity=nan", 400),
        ("/v1/query?evidence=maybe", 400),
        ("/v1/query?kk=1", 400),
        ("/v1/compare", 415),
    ],
)
def test_wrong_parameters_are_refused_with_what_is_allowed(service: Service, path: str, status: int) -> None:
    kind = {"Content-Type": "text/plain" if status == 415 else "image/jpeg"}
    replied = service.ask("POST", path, b"x", kind)
    assert replied.status == status, replied.text
    checked(replied, "Refusal", service)


@pytest.mark.parametrize(
    ("method", "route", "given"),
    [
        ("POST", "/v1/query", "k=2&k=3"),
        ("POST", "/v1/query", "k=2&evidence=true&k=2"),
        ("POST", "/v1/compare", "k=2&k=3"),
        ("GET", "/v1/groups/{group_id}", "k&k"),
        ("GET", "/v1/status", "k=2&k=3"),
        ("GET", "/metrics", "k=2&k=3"),
        ("GET", "/openapi.json", "k=2&k=3"),
    ],
)
def test_a_parameter_that_is_given_twice_is_refused_by_name(
    service: Service, results: Path, method: str, route: str, given: str
) -> None:
    path, image = route.replace("{group_id}", "g-0"), photo(results, "1.jpg")
    replied = service.ask(method, f"{path}?{given}", image, {"Content-Type": "image/jpeg"})
    assert replied.status == 422, replied.text
    error = {"code": "repeated_parameter", "message": "'k' is given 2 times: give each parameter once"}
    assert replied.json == {"error": error}
    described = service.ask("GET", "/openapi.json").json
    schema = described["paths"][route][method.lower()]["responses"]["422"]["content"]["application/json"]["schema"]
    jsonschema.validate(replied.json, schema | {"components": described["components"]})


def test_a_form_has_images_alone_and_its_description_says_so(service: Service, results: Path) -> None:
    image = ("image", photo(results, "1.jpg"))
    replied = service.post("/v1/query", image, ("k", "5"))
    assert replied.status == 400
    assert "the field 'k' is a text" in checked(replied, "Refusal", service)["error"]["message"]
    pair = [("a", image[1]), ("b", image[1])]
    assert service.post("/v1/compare", *pair, ("c", "5")).status == 400
    described = service.ask("GET", "/openapi.json").json["paths"]
    content = described["/v1/compare"]["post"]["requestBody"]["content"]
    assert content["multipart/form-data"]["schema"]["additionalProperties"] is False


def test_uploads_are_bounded_in_bytes_number_and_pixels(service: Service, tmp_path: Path) -> None:
    kind = {"Content-Type": "image/jpeg"}
    assert service.ask("POST", "/v1/query", b"x" * (1 << 20 | 1), kind).status == 413
    assert service.post("/v1/query", *[("image", b"x")] * 4).status == 413
    assert service.ask("POST", "/v1/query", b"", kind).status == 400
    large = save_jpeg(tmp_path / "large.jpg", photo_like(1, 1200, 900), quality=20).read_bytes()
    assert service.ask("POST", "/v1/query", large, kind).json["queries"][0]["error"]["code"] == "ERROR_IMAGE_TOO_LARGE"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
def test_pages_from_elsewhere_are_refused(service: Service, headers: dict[str, str]) -> None:
    replied = service.ask("POST", "/v1/query", b"x", {"Content-Type": "image/jpeg"} | headers)
    assert replied.status == 403
    assert service.ask("GET", "/metrics", None, headers).status == 403


def test_unknown_addresses_and_methods_are_errors_in_the_same_form(service: Service) -> None:
    for method, path, status in (("GET", "/", 404), ("GET", "/v1/query", 405), ("DELETE", "/v1/status", 405)):
        replied = service.ask(method, path)
        assert replied.status == status
        checked(replied, "Refusal", service)


def test_metrics_are_lines_that_prometheus_reads(service: Service) -> None:
    service.ask("GET", "/v1/status")
    text = service.ask("GET", "/metrics").text
    sample = re.compile(r'\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [-+.\deInf]+')
    assert all(line.startswith("# ") or sample.fullmatch(line) for line in text.splitlines())
    assert 'dedup_requests_total{route="/v1/status",status="200"}' in text
    assert "dedup_index_images 5" in text


def test_no_odd_file_ends_the_service_or_an_answer(service: Service, shared_data: Path) -> None:
    for path in sorted(path for path in (shared_data / "odd").rglob("*") if path.is_file()):
        data = path.read_bytes()[: 1 << 20]
        replied = service.ask("POST", "/v1/query?k=1", data, {"Content-Type": "application/octet-stream"})
        assert replied.status in ({200, 422} if data else {400}), path
    body, kind = form(("image", photo_like(1).tobytes()[:1000]))
    for cut in range(0, len(body), 37):
        assert service.ask("POST", "/v1/query", body[:cut], {"Content-Type": kind}).status in {400, 413, 422}
    assert service.ask("GET", "/v1/status").status == 200


@pytest.fixture(scope="module")
def guarded(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that wants a token."""
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text("a-token-of-the-tests\n")
    with Service(results, "--num-threads", "1", "--token-file", str(token)) as running:
        yield running


def test_with_a_token_each_request_needs_it(guarded: Service) -> None:
    for given in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic a-token-of-the-tests"}):
        assert guarded.ask("GET", "/v1/status", None, given).status == 401
    assert guarded.ask("GET", "/metrics", None, {"Authorization": "Bearer a-token-of-the-tests"}).status == 200


def test_new_results_are_used_while_20_clients_ask(tmp_path: Path) -> None:
    results = save_results(tmp_path)
    new = save_jpeg(tmp_path / "new.jpg", photo_like(9)).read_bytes()
    with Service(results, "--num-threads", "2") as service:
        before = service.ask("GET", "/v1/status").json["generation"]
        seen: list[list[tuple[str, bool]]] = [[] for _ in range(CLIENTS)]
        given_up = threading.Event()

        def keep_asking(answers: list[tuple[str, bool]]) -> None:
            while not given_up.is_set() and (not answers or answers[-1][0] == before):
                replied = service.ask("POST", "/v1/query?k=1", new, {"Content-Type": "image/jpeg"})
                assert replied.status == 200, replied.text
                (answer,) = replied.json["queries"]
                answers.append((replied.json["generation"], any(match["same_picture"] for match in answer["matches"])))

        clients = [threading.Thread(target=keep_asking, args=(answers,)) for answers in seen]
        for client in clients:
            client.start()
        try:
            (tmp_path / "photos" / "new.jpg").write_bytes(new)
            assert dedup_assets.run(tmp_path / "photos", results) == 0
            for client in clients:
                client.join(120)
        finally:
            given_up.set()
        after = service.ask("GET", "/v1/status").json["generation"]
    assert after != before
    assert {answer for answers in seen for answer in answers} == {(before, False), (after, True)}
    assert all(answers[-1] == (after, True) for answers in seen)


def test_ctrl_c_ends_it_with_one_line_and_a_taken_port_is_refused(
    guarded: Service, results: Path, command_line: Runner
) -> None:
    taken = command_line.run("serve", str(results), "--port", guarded.url.rpartition(":")[2])
    assert (taken.exit_code, len(taken.stderr.splitlines())) == (1, 1)
    assert "cannot listen there" in taken.stderr
    far = command_line.run("serve", str(results), "--host", "0.0.0.0")  # noqa: S104 - refused
    assert far.exit_code == 1
    assert "--token-file" in far.stderr
    assert guarded.stop() == (0, "stopped\n")
