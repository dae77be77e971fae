"""The footnotes of a table: what its numbers are and how they were compared."""

from collections.abc import Mapping, Sequence

from akl_bench.report.compare import ALPHA, TESTS, Comparison, Key
from akl_bench.report.frame import RunFrame
from akl_bench.report.published import PublishedRow

BETTER, WORSE = "†", "‡"
DEFAULT_BASELINE = "sft"


def footnotes(
    frame: RunFrame,
    baseline: str | None,
    comparisons: Mapping[Key, Comparison],
) -> list[str]:
    """What the numbers are, how they were compared, and what is missing."""
    notes = ["mean ± standard deviation over training seeds, as many as the column seeds says"]
    tested = [c for c in comparisons.values() if c.p is not None]
    if baseline is None:
        notes.append(f"no {DEFAULT_BASELINE} here to compare with; name another with --baseline")
    elif tested:
        notes.append(_test_note(baseline, tested))
    if any(len(frame.of(row)) == 1 for row in frame.rows):
        notes.append("one seed: no spread, nothing here is significant")
    if frame.stale:
        notes.append(
            f"{frame.stale} cells made with other code, data or library versions are left out; "
            "the same run command renews them"
        )
    return notes + frame.left_out


def _test_note(baseline: str, tested: Sequence[Comparison]) -> str:
    used = {c.test for c in tested}
    test = " or ".join(test for test in TESTS if test in used)
    count = sum(c.significant for c in tested)
    what = (
        f"{BETTER} better, {WORSE} worse than {baseline}"
        if count
        else f"no difference from {baseline} is significant"
    )
    return (
        f"{what}: {test}, Holm's correction over the {len(tested)} comparisons of this table, "
        f"alpha {ALPHA}"
    )


def published_footnotes(rows: Sequence[PublishedRow]) -> list[str]:
    """What published rows are, and what keeps each table from being compared."""
    if not rows:
        return ["no published number has a task of this run"]
    notes = [
        "published rows: as printed, ± over decoding seeds of one checkpoint, which is not the "
        "spread over training seeds"
    ]
    for title, differences in {row.title: row.differences for row in rows}.items():
        if differences:
            notes.append(f"{title} is not comparable: {'; '.join(differences)}")
    return notes
