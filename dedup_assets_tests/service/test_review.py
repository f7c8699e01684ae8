"""A review shows pairs on this machine alone, and what a person decides is in the file of verdicts at once."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import dedup_assets
from dedup_assets.api import VerdictBook
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.service.review.pairs import ReviewPairs
from dedup_assets_tests.support.browsers import open_browser
from dedup_assets_tests.support.killing import Runner
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.videos import save_video

pytestmark = pytest.mark.filterwarnings("ignore")  # of playwright's own event loop


@dataclass(frozen=True)
class Server:
    """A running review."""

    url: str
    process: subprocess.Popen[str]

    def ask(self, path: str, body: object = None, headers: dict[str, str] | None = None) -> tuple[int, bytes, Any]:
        """Status, content and headers of an answer; `body` is sent as JSON, bytes as they are."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} | (headers or {})
        request = urllib.request.Request(self.url + path, data, sent)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers

    def json(self, path: str, body: object = None) -> Any:
        """The content of a good answer."""
        status, content, _ = self.ask(path, body)
        assert status == 200, content
        return json.loads(content)


@contextmanager
def served(work_dir: Path) -> Iterator[Server]:
    """Serve a review with the command line, as a process of its own."""
    command = [sys.executable, "-m", "dedup_assets", "review", str(work_dir)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            yield Server(line.split()[1], process)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over three photographs, each with a recompressed copy, of which one exists twice."""
    photos, out = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("out")
    for seed in range(3):
        save_jpeg(photos / f"{seed}.jpg", photo_like(seed), quality=95)
        save_jpeg(photos / f"{seed}-small.jpg", photo_like(seed).resize((240, 180)), quality=80)
    (photos / "2-twin.jpg").write_bytes((photos / "2-small.jpg").read_bytes())
    assert dedup_assets.run(photos, out) == 0
    return out


@pytest.fixture(scope="module")
def server(results: Path) -> Iterator[Server]:
    with served(results) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    tab = browser.new_page()
    tab.set_default_timeout(100_000)  # on a busy machine a decoding process takes long to start
    yield tab
    tab.close()


def press(page: Any, key: str) -> None:
    """Press a key once the page shows what the last one did."""
    page.wait_for_selector("#pair[aria-busy=false]")
    page.keyboard.press(key)


def test_pairs_have_both_files_and_equal_ones_are_one_pair(server: Server) -> None:
    found = server.json("v1/pairs?show=copies")["pairs"]
    names = [(Path(pair["a"]["name"]).name, Path(pair["b"]["name"]).name[:7]) for pair in found]
    assert sorted(names) == [("0.jpg", "0-small"), ("1.jpg", "1-small"), ("2.jpg", "2-small")]
    assert (found[0]["a"]["width"], found[0]["b"]["width"], found[0]["relation"]) == (320, 240, "copy")
    status, jpeg, headers = server.ask("v1/pictures/0/b/large")
    assert (status, jpeg[:3], headers["Content-Type"]) == (200, b"\xff\xd8\xff", "image/jpeg")


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("v1/pictures/99/a/large", 400, "pair 99, side 'a': there is no such image"),
        ("v1/pictures/0/c/large", 400, "there is no such image"),
        ("v1/pictures/0/a/huge", 400, "allowed are small, large"),
        ("v1/pairs?show=all", 400, "allowed are leaks, copies, pixels, review, unverified, variants, crossing, frames"),
        ("v1/pairs?start=-1", 400, "start='-1': must be a whole number"),
        ("v1/pairs?start=1&start=2", 422, "'start' is given 2 times: give each parameter once"),
        ("v1/nothing", 404, "Not Found"),
        ("../v1/status", 404, "Not Found"),
    ],
)
def test_a_wrong_question_is_answered_in_words(server: Server, path: str, status: int, said: str) -> None:
    found, content, _ = server.ask(path)
    assert found == status
    assert said in json.loads(content)["problem"]


def test_other_sites_and_those_without_the_address_get_nothing(server: Server) -> None:
    body = {"number": 0, "relation": "protect", "generation": server.json("v1/status")["generation"]}
    top = server.url.rstrip("/").rpartition("/")[0]
    assert Server(f"{top}/", server.process).ask("v1/status")[0] == 404
    assert server.ask("v1/verdicts", body, {"Origin": "https://example.com"})[0] == 403
    assert server.ask("v1/verdicts", body, {"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert server.ask("v1/status", headers={"Host": "example.com"})[0] == 403
    assert server.ask("v1/verdicts", b"relation=protect", {"Content-Type": "text/plain"})[0] == 415
    assert server.ask("v1/verdicts", b"[1]")[0] == server.ask("v1/verdicts", b"{")[0] == 400
    assert server.ask("v1/verdicts", b'"' + b"x" * 20_000 + b'"')[0] == 413
    assert server.ask("v1/verdicts", body | {"generation": "another"})[0] == 409
    assert server.ask("v1/pictures/0/a/large?generation=another")[0] == 409
    assert server.ask("v1/verdicts", body | {"number": True})[0] == 400
    page = server.ask("")
    assert "default-src 'none'" in page[2]["Content-Security-Policy"]
    assert b"<script src" in page[1]
    assert b"<script>" not in page[1]


def test_a_port_in_use_is_refused_in_one_line(command_line: Runner, results: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = command_line.run("review", str(results), "--port", port)
    assert done.exit_code == 1
    said = f"host='127.0.0.1', port={port}: cannot listen there: Address already in use; name another with --port"
    assert done.stderr == f"dedup-assets: {said}\n"


def test_decisions_by_keys_are_stored_at_once_undone_and_survive_a_kill(
    results: Path, server: Server, page: Any
) -> None:
    book = VerdictBook(results)
    with served(results) as first:
        page.goto(first.url)
        page.wait_for_selector("html[data-ready]")
        assert page.text_content("#count") == "0 of 3 decided"
        assert page.eval_on_selector("#picture-b", "image => image.decode().then(() => image.naturalWidth)") == 240
        press(page, "d")
        page.wait_for_selector("#count:text-is('1 of 3 decided')")
        press(page, "s")
        page.wait_for_selector("#count:text-is('2 of 3 decided')")
        assert [verdict.relation for verdict in book.read().active()] == ["same", "different"]  # the newest first
        press(page, "u")  # the third pair has no decision: the last one is taken back
        page.wait_for_selector("#count:text-is('1 of 3 decided')")
        assert [verdict.relation for verdict in book.read().active()] == ["different"]
        page.wait_for_selector("#pair[aria-busy=false]")
        page.click("[data-relation=variant]")
        page.wait_for_selector("#count:text-is('2 of 3 decided')")
        page.click("#plan-open")
        page.wait_for_selector("text=run again, so that they honour all verdicts")
        first.process.kill()
    page.goto(server.url)
    page.wait_for_selector("html[data-ready]")
    assert page.text_content("#count") == "2 of 3 decided"
    assert page.inner_text("#about").startswith("Pair 3 of 3")  # the first that is not decided
    press(page, "b")
    page.wait_for_selector("#about:has-text('Pair 2 of 3')")
    press(page, "b")
    page.wait_for_selector("#about:has-text('Pair 1 of 3')")
    assert page.get_attribute("[data-relation=different]", "aria-pressed") == "true"
    given = book.read().given
    page.wait_for_selector("#pair[aria-busy=false]")
    press(page, "d")
    page.wait_for_selector("#said:text-is('Pair 1: different, as decided already.')")
    assert book.read().given == given
    for verdict in book.read().active():
        book.revoke(verdict.verdict_id)


@pytest.mark.parametrize("keys", ["kp", "pk", "vkp", "kpv"])
def test_undo_on_the_last_pair_takes_the_last_decision_back_first(
    results: Path, server: Server, page: Any, keys: str
) -> None:
    words = {"k": "keep", "p": "protect", "v": "variant"}
    page.goto(server.url)
    page.wait_for_selector("html[data-ready]")
    press(page, "n")
    press(page, "n")
    page.wait_for_selector("#about:has-text('Pair 3 of 3')")
    for key in keys:
        press(page, key)
        page.wait_for_selector(f"#said:text-is('Pair 3: {words[key]}. U takes it back.')")
    for key in reversed(keys):
        press(page, "u")
        page.wait_for_selector(f"#said:text-is('Pair 3: {words[key]} taken back.')")
    assert VerdictBook(results).read().active() == []
    page.wait_for_selector("#pair[aria-busy=false]")
    page.select_option("#show", "variants")
    page.wait_for_selector("#said:text-is('')", state="attached")


def test_a_decision_while_another_list_loads_is_said_not_to_count(results: Path, server: Server, page: Any) -> None:
    page.goto(server.url)
    page.wait_for_selector("html[data-ready]")
    page.wait_for_selector("#pair[aria-busy=false]")
    held: list[Any] = []
    page.route("**/v1/status*", lambda route: held.append(route))  # noqa: PLW0108 - playwright takes no method
    page.select_option("#show", "variants")
    page.wait_for_selector("#pair[aria-busy=true]")
    page.keyboard.press("s")
    held[0].continue_()
    page.wait_for_selector("#said:has-text('A decision that was pressed before this pair was shown does not count.')")
    page.unroute("**/v1/status*")
    assert VerdictBook(results).read().active() == []


def test_an_older_tab_decides_nothing_that_its_person_has_not_seen(
    results: Path, server: Server, page: Any, browser: Any
) -> None:
    book = VerdictBook(results)
    other = browser.new_page()
    for tab in (page, other):
        tab.goto(server.url)
        tab.wait_for_selector("html[data-ready]")
    press(other, "d")
    other.wait_for_selector("#count:text-is('1 of 3 decided')")
    press(page, "s")
    page.wait_for_selector("#said.bad:text-is('This was decided elsewhere since; what counts is shown.')")
    page.wait_for_selector("#about:has-text('Pair 1 of 3')")
    page.wait_for_selector("[data-relation=different][aria-pressed=true]")
    assert page.text_content("#count") == "1 of 3 decided"
    assert [verdict.relation for verdict in book.read().active()] == ["different"]
    press(page, "s")  # seen, and replaced
    page.wait_for_selector("#about:has-text('Pair 2 of 3')")
    press(other, "u")  # of what it has decided nothing counts
    other.wait_for_selector("#said.bad:has-text('decided elsewhere')")
    other.close()
    (same,) = book.read().active()
    assert same.relation == "same"
    book.revoke(same.verdict_id)
    press(page, "u")
    page.wait_for_selector("#said.bad:has-text('decided elsewhere')")
    assert page.text_content("#count") == "1 of 3 decided"  # that before it
    book.revoke(book.read().active()[0].verdict_id)
    page.wait_for_selector("#pair[aria-busy=false]")
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_selector("#count:text-is('0 of 3 decided')")
    assert page.text_content("#said") == "This was decided elsewhere since; what counts is shown."


def test_a_key_that_is_held_or_comes_too_early_decides_no_unseen_pair(results: Path, server: Server, page: Any) -> None:
    book, held = VerdictBook(results), list[Any]()
    page.route("**/v1/pictures/**", lambda picture: held.append(picture))  # noqa: PLW0108 - playwright takes no method
    page.goto(server.url)
    page.wait_for_selector("html[data-ready]")
    page.keyboard.press("s")
    page.wait_for_selector("#said:has-text('still loading')")
    for picture in held:
        picture.continue_()
    page.unroute("**/v1/pictures/**")
    page.wait_for_selector("#said:text-is('The pictures are here: decide now.')")
    page.wait_for_selector("#pair[aria-busy=false]")
    page.evaluate(
        """() => { for (const key of "sdvs") document.dispatchEvent(new KeyboardEvent("keydown", { key })); }"""
    )
    page.wait_for_selector("#about:has-text('Pair 2 of 3')")
    said = "Pair 1: same. U takes it back. A decision that was pressed before this pair was shown does not count."
    page.wait_for_selector(f"#said:text-is('{said}')")
    page.wait_for_selector("#pair[aria-busy=false]")
    page.evaluate(
        """() => { for (const key of "nb") document.dispatchEvent(new KeyboardEvent("keydown", { key })); }"""
    )
    page.wait_for_selector("#about:has-text('Pair 2 of 3')")  # there and back: a key that looks waits
    page.wait_for_selector("#pair[aria-busy=false]")
    page.evaluate("""() => document.dispatchEvent(new KeyboardEvent("keydown", { key: "d", repeat: true }))""")
    press(page, "v")
    page.wait_for_selector("#count:text-is('2 of 3 decided')")
    assert [verdict.relation for verdict in book.read().active()] == ["variant", "same"]
    for verdict in book.read().active():
        book.revoke(verdict.verdict_id)


def test_variants_of_images_that_are_in_no_group_are_shown(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photo = photo_like(5, 400, 300)
    save_jpeg(photos / "left.jpg", photo.crop((0, 0, 280, 300)), quality=92)  # two parts that overlap are variants
    save_jpeg(photos / "right.jpg", photo.crop((100, 0, 400, 300)), quality=92)
    assert dedup_assets.run(photos, out) == 0
    assert dedup_assets.load(out).evidence()["relation"].to_list() == ["variant"]
    assert dedup_assets.load(out).groups().is_empty()
    with served(out) as server:
        (pair,) = server.json("v1/pairs?show=variants")["pairs"]
    assert {Path(pair[side]["name"]).name for side in "ab"} == {"left.jpg", "right.jpg"}
    assert pair["group"] is None


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over two sets: test has two images of train with a plate over them, one by a link, and a variant."""
    root = tmp_path_factory.mktemp("split")
    train, test = root / "train", root / "test"
    for seed in (11, 12):
        marked = photo_like(seed, 640, 480)
        save_jpeg(train / f"{seed}.jpg", marked)
        marked.paste((60, 90, 130), (340, 300, 600, 420))
        save_jpeg((root / "elsewhere" if seed == 11 else test) / f"marked {seed}.jpg", marked)
    (test / "marked 11.jpg").symlink_to(root / "elsewhere" / "marked 11.jpg")
    for folder, left in ((train, 0), (test, 100)):
        save_jpeg(folder / "part.jpg", photo_like(8, 400, 300).crop((left, 0, left + 280, 300)))
    sets = {"train": train, "test": test}
    assert dedup_assets.run(root / "elsewhere", root / "out", sets=sets, max_leaks=9) == 0
    return root / "out"


def test_the_same_pixels_in_another_file_are_no_copies_with_an_edit(tmp_path: Path) -> None:
    save_jpeg(tmp_path / "in/a.jpg", photo_like(1), quality=95)
    photo_like(1).save(tmp_path / "in/b.jpg", quality=95, optimize=True)
    save_jpeg(tmp_path / "in/c.jpg", photo_like(1).resize((240, 180)), quality=80)
    assert dedup_assets.run(tmp_path / "in", tmp_path / "out") == 0
    pairs = ReviewPairs.of(WorkDir(str(tmp_path / "out"))).rows
    assert sorted(pairs.select("show", "relation").rows()) == [("copies", "copy"), ("pixels", "pixels")]


def test_leaks_to_review_are_decided_in_a_queue_of_their_own(split: Path, page: Any) -> None:
    with served(split) as server:
        counts = {show: found["pairs"] for show, found in server.json("v1/status")["shows"].items()}
        assert (counts["leaks"], counts["review"], counts["crossing"]) == (2, 2, 1)
        page.goto(server.url)
        page.wait_for_selector("html[data-ready]")
        assert page.text_content("#count") == "0 of 2 decided"
        assert page.input_value("#show") == "leaks"
        assert page.locator("figure .role").all_inner_texts() == ["One, in train", "Other, in test"]
        assert page.locator("figure .name").all_inner_texts()[0].endswith(".jpg")
        for key, relation in (("k", "keep"), ("p", "protect")):  # of one image: the pair stays a leak
            press(page, key)
            open_still = "It is about one image: S, D or V decides whether the two are one picture."
            page.wait_for_selector(f"#said:text-is('Pair 1: {relation}. U takes it back. {open_still}')")
            assert page.text_content("#count") == "0 of 2 decided"
            assert page.inner_text("#about").startswith("Pair 1 of 2")
            page.wait_for_selector(f"[data-relation={relation}][aria-pressed=true]")
        shows = server.json("v1/status")["shows"]
        assert [shows["leaks"][name] for name in ("decided", "next")] == [0, 0]
        assert shows["review"]["decided"] > 0  # there, the verdict says what becomes of the copy
        press(page, "u")
        press(page, "u")
        page.wait_for_selector("#said:text-is('Pair 1: keep taken back.')")
        page.focus("#show")  # whose own keys choose by letters
        press(page, "s")
        page.wait_for_selector("#count:text-is('1 of 2 decided')")
        press(page, "d")
        page.wait_for_selector("#count:text-is('2 of 2 decided')")
        for show in ("crossing", "variants"):  # lists of pairs in which no group waits for a word about one image
            page.select_option("#show", show)
            press(page, "p")
            page.wait_for_selector("#said:text-is('Pair 1: protect. U takes it back. " + open_still + "')")
            assert str(page.text_content("#count")).startswith("0 of ")
            press(page, "u")
            page.wait_for_selector("#said:text-is('Pair 1: protect taken back.')")
    sets = {name: split.parent / name for name in ("train", "test")}
    assert dedup_assets.run(split.parent / "elsewhere", split, sets=sets, max_leaks=9) == 0
    roles = dedup_assets.load(split).leaks(unverified=True)["role"].to_list()
    assert [role for role in roles if role != "undecided"] == ["certain", "variant"]


def test_without_sets_there_is_no_queue_of_leaks(server: Server, page: Any) -> None:
    page.goto(server.url)
    page.wait_for_selector("html[data-ready]")
    shown = page.eval_on_selector_all("#show option", "options => options.map(each => each.value)")
    assert shown == ["copies", "pixels", "review", "unverified", "variants"]


def test_pairs_of_frames_are_one_entry_that_opens_and_nobody_decides_about(tmp_path: Path, page: Any) -> None:
    (tmp_path / "videos").mkdir()
    save_video(tmp_path / "videos" / "clip.mp4", [photo_like(7, 320, 240)] * 4)
    assert dedup_assets.run(tmp_path / "videos", tmp_path / "out") == 0
    with served(tmp_path / "out") as server:
        assert server.json("v1/status")["shows"]["frames"]["pairs"] == 1
        found = server.json("v1/pairs?show=frames")
        number = found["pairs"][0]["number"]
        assert found["pairs"][0]["a"]["size_bytes"] is None
        each = server.json(f"v1/pairs?show=frames&fold={number}")
        assert (found["total"], each["total"]) == (1, 3)
        body = {"number": number, "relation": "different", "generation": found["generation"]}
        status, problem, _ = server.ask("v1/verdicts", body)
        assert (status, b"verdicts are about files" in problem) == (400, True)
        page.goto(server.url)  # it begins with frames, because there is nothing else
        page.wait_for_selector("html[data-ready]")
        assert page.inner_text("#frames-said").startswith("3 pairs of 4 frames of clip.mp4, 0:00 to 0:03. ")
        assert page.is_disabled("[data-relation=same]")
        press(page, "e")
        page.wait_for_selector("#about:has-text('Pair 1 of 3')")
        press(page, "n")
        page.wait_for_selector("#about:has-text('Pair 2 of 3')")
        press(page, "d")
        page.wait_for_selector("#said.bad:has-text('cannot be decided about')")
        page.wait_for_selector("#pair[aria-busy=false]")
        page.click("#each")
        page.wait_for_selector("#about:has-text('Pair 1 of 1')")
    assert VerdictBook(tmp_path / "out").read().given == ()
