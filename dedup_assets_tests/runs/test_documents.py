"""No plan takes an edited copy of a page or of a captioned photograph: it may hold text that the kept file lacks."""

import os
from pathlib import Path

from PIL import Image, ImageDraw

import dedup_assets
from dedup_assets.engine.cleaning import PlanOptions, plan_of
from dedup_assets.engine.core.plan_records import Plan
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets_tests.support.models import save_mean_model
from dedup_assets_tests.support.pictures import photo_like


def form(filled: bool = False, amount: str = "") -> Image.Image:
    page = Image.new("RGB", (1000, 1400), "white")
    draw = ImageDraw.Draw(page)
    draw.text((80, 65), "Application form", "black", font_size=44)
    for number in range(12):
        top = 180 + 96 * number
        draw.text((60, top), f"Line {number} of this form", "black", font_size=28)
        draw.rectangle((430, top - 8, 950, top + 50), outline="black", width=2)
        if filled and number < 5:
            draw.text((446, top), f"Number {number} {317 * number}", (10, 10, 120), font_size=30)
    draw.text((700, 1340), amount, "black", font_size=24)
    return page


def plan_for_copies(top: Path, pictures: dict[str, Image.Image], more: str = "") -> Plan:
    model = save_mean_model(top / "model.onnx", ["n", 16, 16, 3], dimension=8)
    (top / "in").mkdir()
    for name, picture in pictures.items():
        picture.save(top / "in" / name, quality=90)
    assert dedup_assets.run(str(top / "in"), str(top / "out"), num_threads=1, model_path=str(model)) == 0
    return plan_of(WorkDir(str(top / "out")), PlanOptions.parse("trash", f"exact,pixels,copy{more}"))


def names_of(plan: Plan) -> list[str]:
    return sorted(Path(os.fsdecode(name)).name for name in plan.rows["filename"])


def test_a_filled_form_stays_beside_the_blank_one(tmp_path: Path) -> None:
    plan = plan_for_copies(tmp_path, {"blank.png": form(), "filled.jpg": form(filled=True)})
    assert plan.left_out == {"text or overlay added: a person decides (--only ...,review plans them)": 1}
    assert names_of(plan) == []


def test_a_page_of_which_one_digit_may_differ_stays(tmp_path: Path) -> None:
    smaller = form(amount="No. 48213").resize((700, 980))
    plan = plan_for_copies(tmp_path, {"a.png": form(amount="No. 48219"), "b.jpg": smaller})
    assert plan.left_out == {"small text may differ: a person decides (--only ...,review plans them)": 1}
    assert names_of(plan) == []


def test_a_page_with_the_same_pixels_goes(tmp_path: Path) -> None:
    assert len(names_of(plan_for_copies(tmp_path, {"a.png": form(), "b.bmp": form()}))) == 1


def test_a_photograph_with_a_caption_stays_unless_review_is_named(tmp_path: Path) -> None:
    photograph = photo_like(1, 640, 480)
    marked = photograph.copy()
    ImageDraw.Draw(marked).text((60, 400), "Anna, Boris, Clara 1962", "white", font_size=40, stroke_fill="black")
    pictures = {"a.png": photograph, "names.jpg": marked, "smaller.jpg": photograph.resize((400, 300))}
    assert names_of(plan_for_copies(tmp_path, pictures)) == ["smaller.jpg"]
    plan = plan_of(WorkDir(str(tmp_path / "out")), PlanOptions.parse("trash", "copy,review"))
    assert names_of(plan) == ["names.jpg", "smaller.jpg"]
