from akl_bench.artifacts.records import Overlap
from akl_bench.data.overlap import overlaps
from akl_bench.data.records import Record

LONG = "one two three four five six seven eight nine ten eleven twelve"
TRAIN = [
    Record("a", "name a bird", "", ("the owl",)),
    Record("b", "shorten", f"{LONG} thirteen", ("numbers",)),
    Record("c", "count to twelve", "", (LONG,)),
]


def counts(*rows):
    (overlap,) = overlaps(TRAIN, {"rows": rows}).values()
    assert overlap.rows == len(rows)
    return overlap.prompts, overlap.pairs, overlap.ngrams


def test_records_by_hand():
    assert counts(Record("x", "name a fish", "", ("the owl",))) == (0, 0, 0)
    assert counts(Record("x", "name  a bird\n", "", ("the crow",))) == (1, 0, 0)
    assert counts(Record("x", "name a bird", "", ("the crow", "the  owl"))) == (1, 1, 0)
    assert counts(Record("x", "name a bird", "please", ("the owl",))) == (0, 0, 0)


def test_thirteen_words_whatever_their_case_and_punctuation():
    said = Record("x", "Listen", "", (f"{LONG.upper()}, thirteen!",))
    twelve = Record("x", "listen", "", (LONG,))
    # "count to twelve one two ... ten" is 13 words across the end of a prompt.
    across = Record("x", "do count to twelve", "", (LONG.removesuffix(" twelve"),))
    assert counts(said) == counts(across) == (0, 0, 1)
    assert counts(twelve) == (0, 0, 0)
    assert counts(said, twelve, across, twelve) == (0, 0, 2)
    # Answers stand each for itself: no 13-gram goes from one to the next.
    assert counts(Record("x", "say", "", (LONG, "thirteen"))) == (0, 0, 0)


def test_documents_for_lm_eval():
    choices = ["the owl", "the cow"]
    assert counts({"id": "x", "query": "name a bird", "choices": choices, "gold": 0}) == (1, 1, 0)
    asked = {"id": "x", "instruction": "name a bird", "query": "name a bird : the", "target": "owl"}
    assert counts(asked) == (1, 0, 0)
    passage = {"id": "x", "query": "q", "context_options": [f"{LONG} thirteen."], "gold": 3}
    assert counts(passage, {"id": "y", "gold": 1}) == (0, 0, 1)


def test_each_set_is_counted_alone_and_shares_are_of_its_rows():
    same, other = TRAIN[0], Record("x", "other", "", ("words",))
    found = overlaps(TRAIN, {"one": [same, other], "none": [other], "empty": []})
    assert found["one"] == Overlap(rows=2, prompts=1, pairs=1, ngrams=0)
    assert found["one"].shares == {"prompt": 50.0, "prompt with answer": 50.0, "13-gram": 0.0}
    assert not any(found["none"].shares.values()) and not any(found["empty"].shares.values())
