"""The audit of adaptive KL against numbers of its literature, NumPy, and models run plainly."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from akl_bench import config
from akl_bench.config import ModelRef
from akl_bench.divergences.adaptive_kl import AdaptiveKL
from akl_bench.errors import DataError, MissingDependencyError, UsageError
from akl_bench.models.loading import load_model, load_tokenizer
from akl_bench.models.toys import dry
from akl_bench.papers.akl.audit import cases, measure, models, show

RECORDS = [
    {"instruction": "the quick brown fox", "output": "jumps over the lazy dog"},
    {"instruction": "the dog", "output": "and the fox"},
    {"instruction": "over the fox", "output": "the lazy dog jumps"},
]


def random_case(tokens=7, size=12, seed=3):
    generator = torch.Generator().manual_seed(seed)
    logs = [(2 * torch.randn(tokens, size, generator=generator)).log_softmax(-1) for _ in range(2)]
    return measure.Case("random", "", tokens, size, lambda at: (logs[0][at], logs[1][at]))


def numpy_weight(p, q, drop_crossing):
    """Share of KL(p||q) by a plain sort, in float64."""
    order = np.argsort(-p, kind="stable")
    size = int(np.searchsorted(np.cumsum(p[order]), 0.5, side="right")) + 1
    head = set(order[: max(1, size - drop_crossing)].tolist())
    gap = np.abs(p - q)
    return gap[list(head)].sum() / gap.sum(), head


def numpy_gradient(p, q, w):
    reverse = (q * np.log(q / p)).sum()
    return w * (q - p) + (1 - w) * q * (np.log(q / p) - reverse)


def test_hand_example_gives_the_losses_of_the_literature():
    rows = {row.variant: row for row in cases.by_hand(measure.variants())}
    losses = {
        "paper": 0.104506,
        "official": 0.100416,
        "taid": 0.096326,
        "swapped": 0.102618,
        "entropy": 0.100410,
        "symmetric_kl": 0.100416,
    }
    weights = {"paper": 0.825, "official": 0.5, "taid": 0.175, "swapped": 1 - 0.325}
    heads = {"paper": (0, 1), "official": (0,), "taid": (2, 3), "swapped": (1,), "entropy": None}
    assert {name: row.loss for name, row in rows.items()} == pytest.approx(losses, abs=1e-6)
    assert {n: rows[n].w for n in weights} == pytest.approx(weights, abs=1e-9)
    assert rows["entropy"].w == pytest.approx(0.499494, abs=1e-6)
    assert {name: rows[name].head for name in heads} == heads


def test_only_taid_depends_on_the_order_of_the_four_tokens():
    rows = {row.variant: row.permuted for row in cases.by_hand(measure.variants())}
    # Sorted upwards its mask falls on the paper's head: the loss moves to the paper's.
    assert rows.pop("taid") == pytest.approx(0.104506 - 0.096326, abs=1e-6)
    assert max(rows.values()) < 1e-12


def test_rows_agree_with_plain_numpy():
    case = random_case()
    result = measure.measure(case, measure.variants(), seed=0)
    official = result.rows[1]
    p_NV, q_NV = (log.double().exp().numpy() for log in case.logs(slice(None)))
    pairs = list(zip(p_NV, q_NV, strict=True))
    paper = [numpy_weight(p, q, False) for p, q in pairs]
    other = [numpy_weight(p, q, True) for p, q in pairs]
    dw = np.array([abs(a[0] - b[0]) for a, b in zip(paper, other, strict=True)])
    grads = [
        np.array([numpy_gradient(p, q, w[0]) for (p, q), w in zip(pairs, ws, strict=True)])
        for ws in (paper, other)
    ]
    dots, squares = (grads[0] * grads[1]).sum(-1), [(g * g).sum(-1) for g in grads]
    cosines = dots / np.sqrt(squares[0] * squares[1])
    assert dw.max() > 0.05, "the variants must differ here for this test to mean anything"
    assert official.w == pytest.approx(np.mean([w for w, _ in other]), abs=1e-6)
    assert official.dw_mean == pytest.approx(dw.mean(), abs=1e-6)
    assert official.dw_max == pytest.approx(dw.max(), abs=1e-6)
    differing = [a[1] != b[1] for a, b in zip(paper, other, strict=True)]
    assert official.other_head == pytest.approx(np.mean(differing))
    assert official.cosine_mean == pytest.approx(cosines.mean(), abs=1e-5)
    assert official.cosine_min == pytest.approx(cosines.min(), abs=1e-5)
    whole = dots.sum() / math.sqrt(squares[0].sum() * squares[1].sum())
    assert official.cosine == pytest.approx(whole, abs=1e-5)
    assert official.norm == pytest.approx(math.sqrt(squares[1].sum() / squares[0].sum()), abs=1e-5)
    near = np.mean([abs(w - 0.5) < 0.05 for w, _ in other])
    assert official.near_half == pytest.approx(near)


def test_paper_beside_itself_does_not_differ():
    paper = measure.measure(random_case(), measure.variants(), seed=0).rows[0]
    assert (paper.other_head, paper.dw_max) == (0, 0)
    assert (paper.cosine_min, paper.norm) == (pytest.approx(1), pytest.approx(1))


def test_chunks_change_nothing(monkeypatch):
    whole = measure.measure(random_case(), measure.variants(), seed=0)
    monkeypatch.setattr(measure, "_CHUNK_BYTES", 3 * 4 * 12)
    asked = []
    case = random_case()
    watched = measure.Case("", "", 7, 12, lambda at: asked.append(at) or case.logs(at))
    chunked = measure.measure(watched, measure.variants(), seed=0)
    assert [at.stop - at.start for at in asked[:3]] == [3, 3, 1]
    for row, other in zip(whole.rows, chunked.rows, strict=True):
        assert row.cosine == pytest.approx(other.cosine, abs=1e-6)
        assert row.w_quantiles == pytest.approx(other.w_quantiles, abs=1e-6)


def test_nan_at_equality_is_shown():
    class ZeroByZero(AdaptiveKL):
        def per_token_and_grad(self, pair):
            gap_NV = (pair.p_NV - pair.q_NV).abs()
            w_N = gap_NV[:, 0] / gap_NV.sum(-1)
            value_N, grad_NV = super().per_token_and_grad(pair)
            return w_N * value_N, grad_NV

    compared = {"paper": AdaptiveKL(), "naive": ZeroByZero()}
    result = measure.measure(random_case(), compared, seed=0)
    paper, naive = result.rows
    assert (paper.value_at_equality, paper.gradient_at_equality) == (0, 0)
    assert math.isnan(naive.value_at_equality)
    assert "NaN / 0" in show.render([], [result], "text")
    content = json.loads(show.render([], [result], "json"))
    assert content["cases"]["random"]["variants"][1]["value_at_equality"] is None


@pytest.fixture(scope="module")
def made():
    return {
        case.name: {
            row.variant: row for row in measure.measure(case, measure.variants(), seed=0).rows
        }
        for case in cases.made(seed=0)
    }


@pytest.mark.slow
def test_peaked_and_flat_distributions_come_near_the_published_audit(made):
    # The literature's audit drew its 60 samples with a seed of its own; these are its means.
    peaked = {"paper": 0.477, "official": 0.466, "taid": 0.001, "swapped": 1 - 0.387}
    flat = {"paper": 0.5, "official": 0.5, "taid": 0.16, "swapped": 1 - 0.4}
    losses = {"paper": 1.324, "official": 1.280, "taid": 0.766, "swapped": 1.554}
    assert {n: made["peaked"][n].w for n in peaked} == pytest.approx(peaked, abs=0.03)
    assert {n: made["peaked"][n].loss for n in losses} == pytest.approx(losses, rel=0.1)
    assert made["peaked"]["official"].dw_max == pytest.approx(0.24, abs=0.1)
    assert {n: made["flat"][n].w for n in flat} == pytest.approx(flat, abs=0.01)
    assert all(row.loss == pytest.approx(0.4998, abs=0.01) for row in made["flat"].values())


@pytest.mark.slow
def test_adversarial_distributions_show_what_they_are_made_for(made):
    degenerate = made["degenerate"]
    assert degenerate["paper"].w_quantiles == pytest.approx((0.5,) * 5, abs=1e-5)
    assert degenerate["paper"].near_half == 1
    assert degenerate["symmetric_kl"].cosine_min == pytest.approx(1, abs=1e-5)
    assert degenerate["official"].dw_mean > 0.02
    assert made["crossing"]["official"].dw_max > 0.4
    assert made["crossing"]["official"].near_half == 0
    for rows in made.values():
        invariant = [row.permuted for name, row in rows.items() if name != "taid"]
        assert max(invariant) < 1e-5 < rows["taid"].permuted
        for row in rows.values():
            assert (row.value_at_equality, row.gradient_at_equality) == (0, 0)


@pytest.fixture
def pair(tmp_path):
    """Folders of a toy teacher and of another toy as its student, and of records."""
    texts = [f"{r['instruction']} {r['output']}" for r in RECORDS]
    ref = ModelRef(source="hub", name="gpt2")
    folders = [tmp_path / "teacher", tmp_path / "student"]
    for folder, teacher in zip(folders, (True, False), strict=True):
        dry(ref, folder, teacher=teacher, texts=texts)
    records = tmp_path / "records.jsonl"
    records.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return (*map(str, folders), records)


def plain_logs(folder, sequences):
    """Log-probabilities of every token from `start` on, one sequence at a time."""
    model = load_model(ModelRef(source="path", path=folder), dtype=torch.float32, device="cpu")
    rows = []
    with torch.no_grad():
        for ids, start in sequences:
            rows.append(model(torch.tensor([ids])).logits[0, start - 1 : -1].log_softmax(-1))
    return torch.cat(rows)[:, : len(load_tokenizer(ModelRef(source="path", path=folder)))]


def same_rows(rows_NV, expected):
    """Equal up to the order of the rows."""
    distance = torch.cdist(rows_NV.double(), expected.double()).amin(0)
    return len(rows_NV) == len(expected) and float(distance.max()) < 1e-3


def test_text_case_is_what_the_models_say_about_every_response_token(pair):
    teacher, student, records = pair
    profile = config.load("micro")
    case = models.text_case(
        profile, teacher=teacher, student=student, text=records, tokens=10**6, seed=0
    )
    tokenizer = load_tokenizer(ModelRef(source="path", path=teacher))
    sequences = []
    for record in RECORDS:
        prompt = tokenizer(f"{record['instruction']} :")["input_ids"]
        response = [*tokenizer(record["output"])["input_ids"], tokenizer.eos_token_id]
        sequences.append((prompt + response, len(prompt)))
    logs = case.logs(slice(0, case.tokens))
    for rows_NV, folder in zip(logs, (teacher, student), strict=True):
        assert same_rows(rows_NV, plain_logs(folder, sequences))
    assert case.vocab_size == len(tokenizer)


def test_plain_text_is_predicted_from_its_second_token_on(pair, tmp_path):
    teacher, student, _ = pair
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox\njumps over the lazy dog\n")
    case = models.text_case(
        config.load("micro"), teacher=teacher, student=student, text=text, tokens=10**6, seed=0
    )
    tokenizer = load_tokenizer(ModelRef(source="path", path=teacher))
    ids = tokenizer(text.read_text())["input_ids"]
    assert same_rows(case.logs(slice(0, case.tokens))[0], plain_logs(teacher, [(ids, 1)]))


@pytest.mark.parametrize("suffix", ["jsonl", "txt"])
def test_no_more_tokens_than_asked(pair, tmp_path, suffix):
    teacher, student, text = pair
    if suffix == "txt":
        text = tmp_path / "long.txt"
        text.write_text("the quick brown fox jumps over the lazy dog\n" * 50)
    options = {"teacher": teacher, "student": student, "text": text, "seed": 0}
    case = models.text_case(config.load("micro"), tokens=5, **options)
    assert case.tokens == 5
    assert len(case.logs(slice(0, 5))[0]) == 5


def test_named_student_of_the_profile_is_made_from_the_given_teacher(pair):
    teacher, _, records = pair
    profile = config.load("micro", ["students.own={source: teacher, layers: [0]}"])
    options = {"teacher": teacher, "text": records, "tokens": 4, "seed": 0}
    case = models.text_case(profile, student="own", **options)
    logp_NV, logq_NV = case.logs(slice(0, 4))
    assert case.about.startswith("own beside ")
    assert float((logp_NV - logq_NV).abs().max()) > 1e-3


@pytest.mark.parametrize(
    ("content", "message"), [(b"\xff\xfe", "not UTF-8"), (b"", "less than two tokens")]
)
def test_text_without_use_is_an_error(pair, tmp_path, content, message):
    teacher, student, _ = pair
    text = tmp_path / "text.txt"
    text.write_bytes(content)
    options = {"teacher": teacher, "student": student, "text": text, "tokens": 5, "seed": 0}
    with pytest.raises(DataError, match=message):
        models.text_case(config.load("micro"), **options)


def test_unknown_student_lists_those_of_the_profile():
    with pytest.raises(UsageError, match=r"nobody: neither a folder nor a student .*\(one_layer\)"):
        models.text_case(config.load("micro"), student="nobody", tokens=5, seed=0)


@pytest.fixture(scope="module")
def shown():
    compared = measure.variants()
    result = measure.measure(random_case(), compared, seed=0)
    return cases.by_hand(compared), [result]


def test_text_columns_are_aligned(shown):
    lines = show.render(*shown, "text").split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("random"))
    table = lines[start + 1 : start + 9]
    assert len({len(line) for line in table}) == 1
    assert table[2].split()[0] == "paper"


def test_markdown_rows_have_one_width(shown):
    lines = [x for x in show.render(*shown, "markdown").split("\n") if x.startswith("| ")]
    assert {line.count(" | ") for line in lines} == {4, 12}


def test_latex_escapes_what_latex_reads(shown):
    source = show.render(*shown, "latex")
    body = [line for line in source.split("\n") if line.endswith(r"\\")]
    assert any(line.startswith(r"symmetric\_kl & ") for line in body)
    assert r"\{0, 1\}" in source
    assert not any("%" in line.replace(r"\%", "") for line in body)
    assert source.count(r"\begin{tabular}") == source.count(r"\end{tabular}") == 2


def test_json_holds_every_number(shown):
    content = json.loads(show.render(*shown, "json"))
    assert content["by_hand"][0]["w"] == pytest.approx(0.825)
    random = content["cases"]["random"]
    assert (random["tokens"], random["vocab_size"]) == (7, 12)
    assert [row["variant"] for row in random["variants"]] == list(measure.variants())
    assert random["variants"][4]["other_head"] is None


@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_picture_is_written(shown, tmp_path, suffix, start):
    path = tmp_path / "new" / f"picture.{suffix}"
    show.check(path)
    show.draw(shown[1][0], path)
    assert path.read_bytes().startswith(start)


def test_svg_does_not_change_from_run_to_run(shown, tmp_path):
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    show.draw(shown[1][0], first)
    show.draw(shown[1][0], second)
    assert first.read_bytes() == second.read_bytes()


def test_picture_that_cannot_be_drawn_is_refused_before_the_work(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"\.png, \.svg, \.pdf"):
        show.check(tmp_path / "picture.gif")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"akl-bench\[plots\]"):
        show.check(tmp_path / "picture.svg")


def test_tables_of_the_docs_have_todays_columns_and_rows(shown):
    docs = (Path(__file__).parents[3] / "docs" / "akl-variants.md").read_text()
    lines = [x for x in show.render(*shown, "markdown").split("\n") if x.startswith("| ")]
    heads = [line for line in lines if line.startswith("| variant")]
    assert [docs.count(head) for head in heads] == [1, 5]
    by_hand = lines[: len(lines) // 2]
    assert "\n".join(by_hand) in docs
    assert all(docs.count(f"\n| {name} | ") == 6 for name in measure.variants())
