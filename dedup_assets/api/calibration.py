"""How similarities behave on a user's own images. Prints what a threshold would find and list; changes none."""

import os

from dedup_assets.api.arguments import path_of
from dedup_assets.api.outcomes import reported, say

TABLE = "calibration.csv"
_STEPS = (0.7, 0.8, 0.9)


def calibrate(work_dir: str | os.PathLike[str], images: int = 200, num_threads: int = -1) -> int:
    """Measure on some of the images of a run which edited copies each threshold finds, and what else it lists.

    Writes calibration.csv and calibration.html to work_dir. No setting changes.

    Args:
        work_dir: the results of a run, whose images are still there.
        images: how many of them are edited, in twelve ways.
        num_threads: how many are edited at once; -1: one per usable core.

    Returns:
        0 on success; 1 on error, with one line on stderr.
    """
    with reported() as outcome:
        from dedup_assets.engine.calibration import advice, draw_page, measure_calibration
        from dedup_assets.engine.core.own_files import CALIBRATION as PAGE
        from dedup_assets.engine.core.settings import Settings
        from dedup_assets.engine.decoders.asking import open_decoders
        from dedup_assets.engine.query import open_stored
        from dedup_assets.engine.work_dir import WorkDir
        from dedup_assets.engine.work_dir.verdict_file import VerdictFile
        from dedup_assets.engine.workers import thread_count

        place = path_of("work_dir", work_dir)
        results, threads = WorkDir(place), thread_count(Settings.parse(num_threads=num_threads).num_threads)
        stored = open_stored(results, threads=threads)
        settings = stored.config.settings
        verdicts = VerdictFile.of(str(settings.get("verdicts", "")), place).read()
        with open_decoders(threads) as decoders:
            found = measure_calibration(results, stored, verdicts, images, decoders)
        threshold = float(settings.get("threshold", Settings.model_fields["threshold"].default))
        sentences = [advice(found, step) for step in sorted({*_STEPS, threshold})]
        with results.publish(TABLE, PAGE) as (table, page):
            found.table.write_csv(table, float_precision=6)
            page.write(draw_page(found, sentences).encode())
        for sentence in sentences:
            say(sentence)
        say(f"calibration: {results.path(PAGE)}, {results.path(TABLE)}; no threshold was changed")
        say("The gallery links the page from the next run on.")
    return outcome.code
