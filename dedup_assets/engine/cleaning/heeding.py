"""What is stronger than a plan: the newest verdicts, read again while it is applied, and the roles of roots."""

from collections.abc import Mapping
from typing import Any

from dedup_assets.engine.cleaning.touching import quoted
from dedup_assets.engine.core.errors import PlanError
from dedup_assets.engine.core.plan_records import Plan, Skipped
from dedup_assets.engine.core.root_roles import Roots
from dedup_assets.engine.core.verdict_records import Decision, GivenVerdict, Verdicts
from dedup_assets.engine.groups.verdicts import Heard
from dedup_assets.engine.work_dir import WorkDir
from dedup_assets.engine.work_dir.identity import read_config
from dedup_assets.engine.work_dir.verdict_file import VerdictFile


def verdict_file_of(work_dir: WorkDir) -> tuple[VerdictFile, str]:
    """The file of verdicts that the last run in a work_dir read, and the digest that it had then."""
    config = read_config(work_dir)
    file = VerdictFile.of(str(config.settings.get("verdicts", "")), work_dir.url)
    return file, config.result("groups").made_from.get("verdicts", "")


class Decisions:
    """The newest verdicts on the files of a plan, and the roots that hold them now.

    Args:
        work_dir: the results that the plan was made from.

    Raises:
        PlanError: the verdicts that the groups honour are gone, or rows were added that cannot be used.
        WorkDirError: the file cannot be read.
    """

    def __init__(self, work_dir: WorkDir) -> None:
        self._file, self._honoured = verdict_file_of(work_dir)
        self._roots = Roots.stored(read_config(work_dir).result("groups").settings)
        self._digest: str | None = None
        self.read_again()

    def read_again(self) -> None:
        """Read the file again, if it has changed. Raises as the class does."""
        verdicts = self._file.read()
        if verdicts.digest == self._digest:
            return
        if self._honoured and not verdicts.digest:
            raise PlanError(f"{self._file.path!r}, which may protect files, is not there: put it back, or run again")
        if verdicts.bad and verdicts.digest != self._honoured:
            bad = verdicts.bad[0]
            raise PlanError(
                f"{self._file.path!r}, line {bad.line}: {bad.problem}; it may be meant to protect a file: mend it"
            )
        self._digest = verdicts.digest
        self._hear(verdicts)

    def _hear(self, verdicts: Verdicts) -> None:
        self._heard = Heard()
        for verdict in verdicts.active():
            self._heard.hear(verdict)
        self._of_one = {(each.relation, each.a_content): each.verdict_id for each in self._heard.honoured}

    def why_not(self, row: Mapping[str, Any]) -> str:
        """Why a row of a plan is against a verdict or a root, in words; empty if it is not."""
        name, content, kept = quoted(row["filename"]), row["content"], row["keep_content"]
        if reason := self._roots.why_not_beside(row["filename"], row["keep"]):
            return f"{name} is {reason}"
        if protecting := self._of_one.get((Decision.PROTECT, content)):
            return f"{name} is protected by the verdict {protecting}"
        if content == kept:
            return ""
        keeping = self._of_one.get((Decision.KEEP, content))
        if keeping and (Decision.KEEP, kept) not in self._of_one:
            return f"{name} is to be kept, says the verdict {keeping}"
        wanted = GivenVerdict("", "", "", Decision.SAME, content, kept)
        if against := self._heard.contradicted(wanted):
            return f"{name} is not the picture {quoted(row['keep'])}, say the verdicts {', '.join(against)}"
        return ""


def refused_groups(plan: Plan, work_dir: WorkDir) -> list[Skipped]:
    """The groups that an apply would leave as they are, by the verdicts and roots that are known now.

    Raises as `Decisions`.
    """
    decisions, found = Decisions(work_dir), dict[str, Skipped]()
    for row in plan.rows.iter_rows(named=True):
        group = row["group_id"]
        if group not in found and (reason := decisions.why_not(row)):
            found[group] = Skipped(group, reason)
    return list(found.values())
