import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.stem.porter import PorterStemmer
from rouge_score.rouge_scorer import RougeScorer

from akl_bench import metrics
from akl_bench.metrics._text import rouge_tokens

OURS = metrics.get("rouge_l")
THEIRS = RougeScorer(["rougeL"], use_stemmer=True)

# Few words, so that common subsequences exist; inflected, so that the stemmer has work.
WORDS = ["run", "running", "Runs", "the", "flies", "flying", "dogs", "dog's", "agreed", "3.14", "-"]
PROSE = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)
ANYTHING = st.text(max_size=60)


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        ("police kill the gunman", "police killed the gunman", 1.0),  # killed -> kill
        ("the gunman kill police", "police killed the gunman", 0.5),  # Lin (2004), section 3.1
        ("a b c d", "a x b", 2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3)),
        ("", "a", 0.0),
        (" \n", "a", 0.0),
        ("a", "", 0.0),
        ("\u6771\u4eac", "\u6771\u4eac", 0.0),  # No token of [a-z0-9] in either.
    ],
)
def test_by_hand(prediction: str, reference: str, expected: float) -> None:
    assert OURS.per_example([prediction], [reference]) == [expected]


@given(st.one_of(PROSE, ANYTHING), st.one_of(PROSE, ANYTHING))
@settings(max_examples=500, deadline=None)
def test_equals_rouge_score_to_the_last_bit(prediction: str, reference: str) -> None:
    expected = THEIRS.score(reference, prediction)["rougeL"].fmeasure
    assert OURS.per_example([prediction], [reference]) == [expected]


@given(PROSE, st.lists(PROSE, min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_best_reference_counts_as_in_score_multi(prediction: str, references: list[str]) -> None:
    expected = THEIRS.score_multi(references, prediction)["rougeL"].fmeasure
    assert OURS.per_example([prediction], [references]) == [expected]


# The suffixes of Porter's rules as printed in his paper, and nltk's irregular forms.
SUFFIXES = """
sses ies ss s eed ed ing y ational tional enci anci izer abli alli entli eli ousli ization ation
ator alism iveness fulness ousness aliti iviti biliti icate ative alize iciti ical ful ness al ance
ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize e ll bli fulli logi ied zzz
"""
IRREGULAR = "sky skies dying lying tying news innings inning outings canning howe proceed exceed"


@given(st.text("abeiostzy", min_size=1, max_size=5), st.sampled_from(SUFFIXES.split()))
@settings(max_examples=2000)
def test_stems_are_those_of_nltk(start: str, suffix: str) -> None:
    word = start + suffix
    expected = PorterStemmer().stem(word) if len(word) > 3 else word
    assert rouge_tokens(word) == [expected]


def test_irregular_stems_are_those_of_nltk() -> None:
    expected = [PorterStemmer().stem(w) if len(w) > 3 else w for w in IRREGULAR.split()]
    assert rouge_tokens(IRREGULAR) == expected


def test_rouge_variants_are_those_of_rouge_score() -> None:
    prediction, reference = "The dogs ran.\nTwo cats slept.", "A dog runs.\nCats were sleeping."
    theirs = RougeScorer(["rouge1", "rouge2", "rougeLsum"], use_stemmer=True)
    expected = theirs.score(reference, prediction)
    for variant, name in (("1", "rouge1"), ("2", "rouge2"), ("lsum", "rougeLsum")):
        ours = metrics.get(f"rouge(variant={variant})")
        assert ours.per_example([prediction], [["nothing", reference]]) == [expected[name].fmeasure]
        assert f"|variant:{variant}|" in ours.signature()
        assert metrics.get(metrics.registry.spec_of(ours)) == ours


def test_rouge_has_no_other_variant() -> None:
    with pytest.raises(ValueError, match="variant must be one of 1, 2, lsum, not 'w'"):
        metrics.get("rouge(variant=w)")
