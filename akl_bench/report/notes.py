"""Footnotes: what numbers are, how they were tuned and compared, and what a table leaves out."""

from collections.abc import Mapping, Sequence

from akl_bench.report.certainty import decoding_shares, detectable, listed
from akl_bench.report.columns import LR, OF_STUDENT, named
from akl_bench.report.compare import ALPHA, DEFAULT_BASELINE, TESTS, Comparison
from akl_bench.report.frame import Column, RowKey, RunFrame, row_name
from akl_bench.report.parts import BETTER, WORSE, shown
from akl_bench.statistics import POWER, SeedSpread


def notes_on(
    frame: RunFrame,
    columns: Sequence[Column],
    baseline: str | None,
    comparisons: Mapping[RowKey, Comparison],
    spreads: Mapping[RowKey, SeedSpread],
    *,
    is_asked: bool,
) -> list[str]:
    """All notes on a table of these columns; `is_asked` where the user named them."""
    return [
        "mean ± standard deviation over training seeds",
        *on_rates(frame),
        *_decoding(columns, spreads),
        *_tests(columns, baseline, comparisons),
        *_absences(frame),
        *_choice(frame, columns, is_asked=is_asked),
    ]


def on_rates(frame: RunFrame) -> list[str]:
    """Whether each objective had a learning rate of its own, and enough to choose from."""
    trained = {cell.row for cell in frame.cells if cell.student}
    rates = {OF_STUDENT[LR](cell.student) for cell in frame.cells if cell.student}
    notes = []
    if trained and trained <= frame.tuned.keys():
        tried = max(len(tuned.scores) for tuned in frame.tuned.values())
        notes.append(
            f"each objective at the best of {tried} learning rates, equally many for all, by "
            f"{frame.profile.criterion.metric} on validation prompts"
        )
    elif len({row.objective for row in trained}) > 1 and len(rates) == 1:
        notes.append(
            "one learning rate for all, not tuned: ranks may tell how fast an objective learns at "
            "it"
        )
    if edge := [row_name(row, frame) for row, tuned in frame.tuned.items() if tuned.at_edge]:
        notes.append(
            f"the smallest or largest rate tried was the best for {'; '.join(edge)}: another "
            "beyond it may be better (more tuning.trials)"
        )
    return notes


def _decoding(columns: Sequence[Column], spreads: Mapping[RowKey, SeedSpread]) -> list[str]:
    """What of the scatter over seeds is decoding."""
    shares = {key: f"{100 * share:.0f} %" for key, share in decoding_shares(spreads).items()}
    if not shares:
        return []
    return [
        "share of decoding in the variance over seeds, for a typical objective: "
        f"{listed(columns, shares)}; the rest is training. Students of one seed share the "
        "stream of decoding, which helps pairing and makes rows dependent"
    ]


def _tests(
    columns: Sequence[Column], baseline: str | None, comparisons: Mapping[RowKey, Comparison]
) -> list[str]:
    """How the rows were compared with the baseline, and what that could find."""
    if baseline is None:
        return [f"no {DEFAULT_BASELINE} to compare with; name another objective with --baseline"]
    tested = [made for made in comparisons.values() if made.p is not None]
    notes = []
    if tested:
        used = {made.test for made in tested}
        what = f"no difference from {baseline} is significant"
        if any(made.significant for made in tested):
            what = f"{BETTER} better, {WORSE} worse than {baseline}"
        notes.append(
            f"{what}: {' or '.join(test for test in TESTS if test in used)}, Holm's correction "
            f"over the {len(tested)} comparisons of this table, alpha {ALPHA}; this speaks of "
            "these prompts and new seeds"
        )
    least = detectable(comparisons)
    if texts := {c.key: shown(c, least[c.key]) for c in columns if c.key in least}:
        notes.append(
            f"smallest true difference from {baseline} that is found with {100 * POWER:.0f} % "
            f"power at alpha {ALPHA}/{len(tested)}: {listed(columns, texts)}"
        )
    return notes


def _absences(frame: RunFrame) -> list[str]:
    """Which numbers are not there or say little, and why."""
    notes = []
    if any(len(frame.of(row)) == 1 for row in frame.rows):
        notes.append("one seed has no spread, so nothing there can be significant")
    if frame.stale:
        notes.append(
            f"{frame.stale} cells made with other code, data or library versions are left out; "
            "run the same command again to renew them"
        )
    return notes + frame.overlap + frame.left_out


def _choice(frame: RunFrame, columns: Sequence[Column], *, is_asked: bool) -> list[str]:
    """What a column is a mean of, and which columns of the profile are not here."""
    notes = [f"accuracy: {c.signature}" for c in columns if c == frame.accuracy]
    if is_asked:
        return notes
    absent = [name for name in frame.profile.table if not named(frame.every, name)]
    if absent:
        notes.append(f"the run has no number of {', '.join(absent)}, which its profile shows")
    return notes
