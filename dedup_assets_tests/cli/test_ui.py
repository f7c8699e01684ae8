"""`dedup-assets ui`: one click gives results; it stops with all that it started, answers its own pages alone."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import pytest
from click.testing import CliRunner

from dedup_assets.cli.main import main
from dedup_assets_tests.support.browsers import open_browser
from dedup_assets_tests.support.killing import Outcome, Runner
from dedup_assets_tests.support.pictures import photo_like, save_jpeg
from dedup_assets_tests.support.places import ROOT
from dedup_assets_tests.support.user_interface import PATIENCE_SECONDS, UserInterface, surroundings, user_interface

pytestmark = [pytest.mark.timeout(400), pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]

RUNS = "{ runsOrError { ... on Runs { results { status } } } }"
STATUS = "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
QUERY = "/graphql?query=%7Bversion%7D"


def run_beside(ui: UserInterface, command_line: Runner) -> None:
    """Run the command line with the instance of a UI, where the UI was started."""
    done = command_line.run("run", "photos", "results", cwd=ui.log.parent, dagster_home=str(ui.home))
    assert done.exit_code == 0, done.said


def status_of(ui: UserInterface, run: str) -> str:
    """What the UI says of a run."""
    return str(ui.ask(STATUS, run=run)["runOrError"]["status"])


def one_line(done: subprocess.CompletedProcess[str] | Outcome) -> str:
    code = done.exit_code if isinstance(done, Outcome) else done.returncode
    assert (code, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert done.stderr.startswith("dedup-assets: ")
    return done.stderr


def prepare(folder: Path) -> Path:
    """Five photographs, two of them alike, an empty home, and an instance of Dagster that sends usage data."""
    for number in range(4):
        save_jpeg(folder / "photos" / f"{number}.jpg", photo_like(number))
    save_jpeg(folder / "photos" / "copy <b>of</b> 1.jpg".replace("/", "\u2215"), photo_like(1), quality=80)
    (folder / "user").mkdir()
    (folder / "home").mkdir()
    (folder / "home" / "dagster.yaml").write_text("telemetry: {enabled: true}\nnux: {enabled: false}\n")
    (folder / "home" / "workspace.yaml").write_text("load_from: []\n")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("ui"))


@pytest.fixture(scope="module")
def ui(folder: Path) -> Iterator[UserInterface]:
    with user_interface(folder, "photos", "--work-dir", "results", HOME=str(folder / "user")) as started:
        started.await_answer()
        yield started


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST", "[::1]:{port}", "ui.localhost:{port}", "127.0.0.2"]
)
def test_names_and_addresses_of_this_machine_are_answered(host: str, ui: UserInterface) -> None:
    named = host.format(port=ui.port)
    status, said = ui.request(QUERY, {"Host": named, "Origin": f"http://{named}", "Sec-Fetch-Site": "same-origin"})
    assert (status, "version" in said) == (200, True)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.168.0.1",
        "[fe80::1]",
    ],
)
@pytest.mark.parametrize("path", [QUERY, "/", "/server_info", "/logs/x"])
def test_a_host_that_dns_can_move_is_refused_in_a_sentence(host: str, path: str, ui: UserInterface) -> None:
    named = host.format(port=ui.port)
    status, said = ui.request(path, {"Host": named})
    assert (status, said.count("\n")) == (403, 1)
    assert repr(named) in said
    assert "localhost" in said


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    ],
)
def test_pages_from_elsewhere_reach_no_query_and_no_mutation(headers: dict[str, str], ui: UserInterface) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert ui.request(QUERY, headers)[0] == 403
    assert ui.request(QUERY, headers, {"query": "{version}"})[0] == 403
    assert ui.request("/graphql", headers | upgrade)[0] == 403
    assert ui.request("/report_asset_materialization/features", headers, {})[0] == 403


def test_a_link_on_another_page_opens_the_ui_but_not_in_a_frame(ui: UserInterface) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert ui.request("/runs", link)[0] == 200
    assert ui.request("/runs", link | {"Sec-Fetch-Dest": "iframe"})[0] == 403


@pytest.mark.browser
def test_one_click_gives_the_gallery_and_pages_that_show_the_pairs(ui: UserInterface, folder: Path) -> None:
    asked: set[str] = set()
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 1500, "height": 1200})
        page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.goto(f"{ui.url}/locations/dedup_assets/asset-groups/dedup/lineage")
        page.get_by_text("image_manifest").first.wait_for()
        page.get_by_role("button", name="Materialize all").click()
        ui.wait_for((folder / "results" / "gallery" / "index.html").exists)
        assert page.get_by_text("partition").count() == 0

        page.goto(f"{ui.url}/locations/dedup_assets/asset-groups/ranges/lineage")
        page.get_by_text("100% filled").nth(1).wait_for()

        page.goto(f"{ui.url}/assets/similarity")
        page.get_by_text("identical_pairs").wait_for()
        page.get_by_text("[Show Markdown]").first.click()
        preview = page.get_by_role("dialog").locator("img").first
        preview.wait_for()
        assert preview.evaluate("image => image.complete && image.naturalWidth > 0")
        assert page.get_by_role("dialog").get_by_text("<b>of<").first.is_visible()
    assert asked - {""} == {urlsplit(ui.url).netloc}  # without a host: pictures within the page
    ui.wait_for(lambda: ui.ask(RUNS)["runsOrError"]["results"] == [{"status": "SUCCESS"}])


def test_sigterm_during_a_run_ends_it_in_order_and_the_next_run_works(
    ui: UserInterface, folder: Path, slow_picture: Path, command_line: Runner
) -> None:
    shutil.copy(slow_picture, folder / "photos" / "slow.png")
    run = ui.launch("dedup")
    ui.wait_for(lambda: status_of(ui, run) == "STARTED" and (folder / "results" / ".staged").exists())
    os.kill(ui.process.pid, signal.SIGTERM)
    assert ui.process.wait(PATIENCE_SECONDS) == 0
    ui.await_end_of_all()
    with dg.DagsterInstance.local_temp(str(ui.home), {"telemetry": {"enabled": False}}) as instance:
        record = instance.get_run_by_id(run)
        assert record is not None
        assert record.is_finished
    (folder / "photos" / "slow.png").unlink()
    socket.create_server(("127.0.0.1", ui.port)).close()
    run_beside(ui, command_line)


@pytest.mark.parametrize(("number", "processes"), [(signal.SIGINT, 2), (signal.SIGTERM, 3), (signal.SIGINT, 4)])
def test_a_signal_to_the_parent_alone_while_it_starts_is_silent(
    tmp_path: Path, number: signal.Signals, processes: int
) -> None:
    with user_interface(tmp_path) as ui:
        ui.wait_for(lambda: len(ui.processes()) >= processes)
        os.kill(ui.process.pid, number)
        code = ui.process.wait(PATIENCE_SECONDS)
        ui.await_end_of_all()
        assert "Traceback" not in ui.said
        assert "Aborted" not in ui.said
        assert (code, ui.said.count("\n")) in {(0, 0), (0, 1), (130, 1)}  # before it serves, it is a command as others


def test_a_parent_that_is_killed_while_it_starts_takes_all_its_processes_along(tmp_path: Path) -> None:
    with user_interface(tmp_path) as ui:
        ui.wait_for(lambda: len(ui.processes()) > 3)
        ui.process.kill()
        ui.await_end_of_all()


@pytest.fixture(scope="module")
def after_a_kill(tmp_path_factory: pytest.TempPathFactory, slow_picture: Path) -> Iterator[tuple[UserInterface, str]]:
    """A UI that was started after another one, with all its processes, had been killed in a run of this id."""
    folder = prepare(tmp_path_factory.mktemp("killed"))
    shutil.copy(slow_picture, folder / "photos" / "slow.png")
    given = ("photos", "--work-dir", "results")
    with user_interface(folder, *given, HOME=str(folder / "user")) as ui:
        ui.await_answer()
        run = ui.launch("dedup")
        ui.wait_for(lambda: any("multiprocessing" in line for line in ui.processes().values()))
        ui.process.kill()
        ui.await_end_of_all()
        socket.create_server(("127.0.0.1", ui.port)).close()
    (folder / "photos" / "slow.png").unlink()
    with user_interface(folder, *given, HOME=str(folder / "user")) as ui:
        ui.await_answer()
        yield ui, run


@pytest.fixture(scope="module")
def next_run(after_a_kill: tuple[UserInterface, str]) -> tuple[UserInterface, str]:
    """The same UI after a run that it has made, and how that ended."""
    ui, killed = after_a_kill
    ui.wait_for(lambda: status_of(ui, killed) in {"FAILURE", "CANCELED"})
    again = ui.launch("dedup")
    ui.wait_for(lambda: status_of(ui, again) in {"SUCCESS", "FAILURE"})
    return ui, status_of(ui, again)


def test_a_killed_parent_ends_all_it_started_and_the_next_ui_and_run_work(
    next_run: tuple[UserInterface, str], command_line: Runner
) -> None:
    ui, status = next_run
    assert status == "SUCCESS", ui.said[-3000:]
    run_beside(ui, command_line)


def test_runs_and_clicks_leave_no_usage_data_though_the_instance_asks_for_it(
    next_run: tuple[UserInterface, str],
) -> None:
    ui, status = next_run
    assert status == "SUCCESS", ui.said[-3000:]
    clicked = 'mutation { logTelemetry(action: "x", clientTime: "0", clientId: "x", metadata: "{}") { __typename } }'
    ui.ask(clicked)
    assert list((ui.home.parent / "user").rglob("*")) == []
    assert not (ui.home / "logs" / "event.log").exists()
    assert not (ui.home / ".telemetry").exists()
    assert (ui.home / "workspace.yaml").read_text() == "load_from: []\n"


def test_a_killed_webserver_ends_the_ui_in_one_line_with_1_and_no_process(
    after_a_kill: tuple[UserInterface, str],
) -> None:
    ui, _ = after_a_kill
    (webserver,) = (pid for pid, line in ui.processes().items() if "dagster-webserver" in line)
    os.kill(webserver, signal.SIGKILL)
    assert ui.process.wait(PATIENCE_SECONDS) == 1
    ui.await_end_of_all()
    lines = [line for line in ui.said.splitlines() if line.startswith("dedup-assets: ")]
    assert len(lines) == 1
    assert "dagster-webserver" in lines[0]
    assert "SIGKILL" in lines[0]
    assert "Traceback" not in ui.said


def test_a_port_in_use_is_refused_in_one_line(command_line: Runner, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = one_line(command_line.run("ui", "--port", str(port), cwd=tmp_path, dagster_home=str(tmp_path)))
    assert f"port={port}" in said
    assert "--port" in said


def test_each_work_dir_has_a_history_of_its_own_and_keeps_it(
    command_line: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for work_dir in ("a/my out", "b/my out", "./b/../b/my out/", "s3://bucket/out", "s3://bucket/out/"):
            given = ("photos", work_dir, "--port", str(taken.getsockname()[1]))
            assert "port=" in one_line(command_line.run("ui", *given, cwd=tmp_path))
    homes = sorted((tmp_path / "user" / ".dedup-assets").iterdir())
    places = [*(f"{tmp_path}/{parent}/my out" for parent in "ab"), "s3://bucket/out"]
    digests = [hashlib.sha256(place.encode()).hexdigest()[:8] for place in places]
    assert [home.name for home in homes] == sorted(
        [*(f"my_out-{digest}" for digest in digests[:2]), f"out-{digests[2]}"]
    )
    assert all([path.name for path in home.iterdir()] == ["dagster.yaml"] for home in homes)


@pytest.mark.parametrize("name", ["a file", "below a file", "broken"])
def test_an_instance_that_cannot_be_used_is_one_line(name: str, command_line: Runner, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "dagster.yaml").write_text("storage: {nothing: [}")
    home = tmp_path / {"below a file": "a file/home"}.get(name, name)
    assert f"DAGSTER_HOME={str(home)!r}" in one_line(command_line.run("ui", cwd=tmp_path, dagster_home=str(home)))


def test_a_home_that_cannot_be_written_is_one_line(
    command_line: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "user").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    said = one_line(command_line.run("ui", cwd=tmp_path))
    assert "~/.dedup-assets" in said
    assert "set DAGSTER_HOME" in said


def test_a_working_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    line = f'rmdir ../gone; exec "{sys.executable}" -m dedup_assets ui'
    shell = ["bash", "-c", line]
    given = surroundings(tmp_path / "home") | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        shell, cwd=tmp_path / "gone", env=given, capture_output=True, text=True, timeout=100, check=False
    )
    assert "working folder" in one_line(done)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("photos", "results", "more"), "At most INPUT_DIR and WORK_DIR can be given, and not photos results more."),
        (("photos", "--input-dir", "others"), "INPUT_DIR is given twice: as 'photos' and as --input-dir 'others'."),
        (("a", "b", "--work-dir", "c"), "WORK_DIR is given twice: as 'b' and as --work-dir 'c'."),
    ],
)
def test_places_that_are_given_twice_or_too_many_are_refused(given: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(main, ["ui", *given])
    assert done.exit_code != 0
    assert said in done.output
