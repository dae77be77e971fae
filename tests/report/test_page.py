"""The page as text: one file, a strict policy, and nothing of a model's that could come alive."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from akl_bench.report import frame, page
from akl_bench.report.samples import printable
from akl_bench.report.table import render

PAYLOADS = [
    "<script>window.hurt = 1</script>",
    "<img src=x onerror='window.hurt = 1'>",
    "</script><script>window.hurt = 1</script>",
    "\u202egnp.exe\u202c and \u2066x\u2069",
    "\x1b[31mred\x1b[0m \x07",
    "{{ 7 * 7 }} {% raw %}",
    "a\u2028b\ud800",
]


class Reader(HTMLParser):
    """Every tag with its attributes, and the text of scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts, self._inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag == "script"
        if self._inside:
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.scripts[-1] += data


@pytest.fixture(scope="module")
def hostile(write_full_run):
    def answer(objective, id_, k):
        return PAYLOADS[(int(id_[-1]) + k) % len(PAYLOADS)]

    return write_full_run(
        ["sft", "forward_kl", "a(x='<b>\u202e')"],
        answer=answer,
        examples=8,
        description=PAYLOADS[2],
    )


@pytest.fixture(scope="module")
def text(hostile):
    return page.render(frame.load(hostile))


def test_the_policy_names_the_one_style_and_the_one_script(text):
    reader = Reader(text)
    (policy,) = (
        a["content"] for t, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy and "http" not in policy
    style = re.search(r"<style>(.*?)</style>", text, re.S)[1]
    for content in (style, reader.scripts[1]):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_nothing_is_fetched_and_nothing_is_styled_inline(text):
    for tag, attributes in Reader(text).tags:
        assert tag not in ("img", "iframe", "object", "embed", "base", "b")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href", "action", "data"):
            assert not attributes.get(name) or attributes[name].startswith(("#", "data:,"))


def test_model_text_is_data_and_its_controls_are_spelled_out(text):
    reader = Reader(text)
    assert [attributes.get("type") for tag, attributes in reader.tags if tag == "script"] == [
        "application/json",
        None,
    ]
    data = json.loads(reader.scripts[0])
    answers = [t for task in data["tasks"] for row in task["rows"]["0"] for t in row["texts"]]
    assert PAYLOADS[0] in answers and PAYLOADS[5] in answers
    assert "<U+202E>gnp.exe<U+202C> and <U+2066>x<U+2069>" in answers
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x1b\ud800-\udfff]", text)
    text.encode()  # no lone surrogate is left


def test_line_breaks_stay_and_long_answers_are_cut():
    assert printable("a\n\tb\r\n") == "a\n    b<U+000D>\n"
    assert printable("x" * 3000) == "x" * 2000 + " [... 1000 more]"


def test_the_same_run_gives_the_same_page(hostile, text):
    assert page.render(frame.load(hostile)) == text


def test_the_page_has_what_it_is_for(text):
    for part in (
        "diversity",
        "ranks",
        "curves",
        "coverage",
        "cost",
    ):
        assert f'id="plot-{part}"' in text
    for part in ("torch", "2.13.0", "x86_64", "p" * 64, "training budget"):
        assert part.lower() in text.lower()
    protocol = re.search('<section id="protocol">(.*?)</section>', text, re.S)[1]
    # Once for all columns, then what a task or a metric of it has besides.
    assert protocol.count("p" * 64) == 1
    assert "Protocol of every column" in protocol and "Protocol of micro_open" in protocol
    assert "validity: signature" in protocol and "validity|version:1" in protocol
    assert "training.lr" in protocol and "training.steps" in protocol
    assert "seconds" not in protocol and "objective" not in protocol
    # By hand: three objectives, the teacher and the untrained student.
    assert text.count("<dialog ") == 5
    assert "hierarchical bootstrap" in text


def test_prompts_show_their_text_where_the_run_has_it(write_full_run):
    folder = write_full_run(["sft"], seeds=1)
    shared = folder / "shared" / "rows-micro_test-0123abcd"
    shared.mkdir(parents=True)
    row = {"id": "test-00001", "instruction": "say it", "input": "", "outputs": ["it", "so"]}
    (shared / "rows.jsonl").write_text(json.dumps(row))
    # Another task's, whose name begins like that one's.
    other = folder / "shared" / "rows-micro_test-b-0000"
    other.mkdir()
    (other / "rows.jsonl").write_text(json.dumps(row | {"instruction": "not this"}))
    data = json.loads(Reader(page.render(frame.load(folder), prompts=2)).scripts[0])
    first = data["tasks"][0]
    assert [prompt["id"] for prompt in first["prompts"]] == ["test-00000", "test-00001"]
    assert first["prompts"][1]["text"] == "say it"
    assert first["prompts"][1]["references"] == ["it", "so"]
    assert first["rows"]["2"][1]["texts"][1] == "sft answers test-00001, take 1 ."
    assert float(first["rows"]["2"][1]["score"]) >= 0


def test_without_matplotlib_the_page_says_how_to_get_the_plots(hostile, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = page.render(frame.load(hostile))
    assert "akl-bench[plots]" in text and "<svg" not in text


def test_a_table_fragment_is_only_a_table(hostile):
    text = render(frame.load(hostile), "html")
    reader = Reader(text)
    assert {tag for tag, _ in reader.tags} <= {
        "table",
        "wbr",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "strong",
        "u",
        "sup",
        "small",
        "ul",
        "li",
    }
    assert text.count("<tr>") + text.count('<tr class="heads">') == 2 + 5
    assert "<U+202E>" not in text and "&lt;U+202E&gt;" in text
