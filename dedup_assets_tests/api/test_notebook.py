"""Galleries are shown in a Jupyter notebook that a real kernel executes."""

from pathlib import Path

import pytest

from dedup_assets_tests.support.pictures import photo_like, save_jpeg

# Jupyter's client and kernel warn of their own event loops and paths.
pytestmark = pytest.mark.filterwarnings("ignore")


def execute(folder: Path, *cells: str) -> list[list[dict[str, object]]]:
    """Run cells in a kernel in `folder`; return the outputs of each."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=90, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell["outputs"] for cell in notebook.cells]


def test_a_gallery_is_shown_inline_and_written(tmp_path: Path) -> None:
    for number in range(3):
        save_jpeg(tmp_path / "photos" / f"{number}.jpg", photo_like(number))
    save_jpeg(tmp_path / "photos" / "copy.jpg", photo_like(1), quality=70)
    outputs = execute(
        tmp_path,
        "import dedup_assets as fastdup",
        "fastdup.run('photos', 'work')",
        "fastdup.create_duplicates_gallery('work/similarity.csv', 'report', num_images=5)",
        "fastdup.create_outliers_gallery('work', 'report')",
        "fastdup.create_components_gallery('work', 'report')",
    )
    red = [entry["text"] for output in outputs for entry in output if entry.get("name") == "stderr"]
    assert red == []
    progress, summary = outputs[1][:2]  # then the return code
    assert progress["output_type"] == "display_data"
    assert str(progress["data"]["text/html"]).count('<tr><td style="text-align:left">✓') == 10  # type: ignore[index]
    assert "reading images" in progress["data"]["text/plain"]  # type: ignore[index]
    assert "images good" in str(summary["text"])
    for output in outputs[2:]:
        shown = [str(entry["data"]["text/html"]) for entry in output if entry["output_type"] == "display_data"]  # type: ignore[index]
        assert len(shown) == 1
        assert shown[0].startswith("<iframe srcdoc=")
        assert "sandbox" in shown[0]
    assert "copy.jpg" in str(outputs[2])
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "duplicates.html",
        "outliers.html",
        "components.html",
    }
