"""The page in a real Chromium: sorts, filters, opens, and stays quiet."""

import re
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from akl_bench.report import frame, page

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)"),
]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HURT = "<img src=/hurt.png onerror='window.hurt = 1'></script><script>window.hurt = 1</script>"
SIZES = {"laptop": (1280, 800), "phone": (390, 844)}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(write_full_run, tmp_path_factory):
    def answer(objective, id_, k):
        return HURT if k else f"{objective} says \u202e{id_}"

    run = write_full_run(
        ["sft", "forward_kl", "reverse_kl", "adaptive_kl(mu=0.5)", "jensen_shannon(beta=0.5)"],
        answer=answer,
        shifts={"forward_kl": 0.2, "adaptive_kl(mu=0.5)": 0.3, "jensen_shannon(beta=0.5)": 0.1},
    )
    folder = tmp_path_factory.mktemp("page")
    (folder / "index.html").write_text(page.render(frame.load(run)), encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=SIZES)
def view(request, browser, address):
    """The page at one size; whatever it says or asks for is an error at the end."""
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height})
    view = context.new_page()
    said, asked = [], []
    view.on("console", lambda message: said.append(message.text))
    view.on("pageerror", lambda error: said.append(str(error)))
    view.on("request", lambda made: asked.append(made.url))
    view.goto(address)
    yield view
    assert said == []
    assert asked == [address]
    assert view.evaluate("window.hurt") is None
    context.close()


def names(view):
    return view.locator("#board tbody.objective tr:visible th").all_inner_texts()


def column(view, index):
    cells = view.locator(f"#board tbody.objective tr:visible > :nth-child({index})")
    return [float(re.match(r"[\d.]+", text)[0]) for text in cells.all_inner_texts()]


def test_a_click_sorts_the_best_first_and_another_one_turns_it_around(view):
    head = view.locator("#board tr.heads th").nth(1)
    head.locator("button").click()
    assert column(view, 2) == sorted(column(view, 2), reverse=True)
    assert head.get_attribute("aria-sort") == "descending"
    head.locator("button").click()
    assert column(view, 2) == sorted(column(view, 2))
    # A divergence is best when it is small.
    view.locator("#board tr.heads button", has_text="kl_pq").click()
    heads = view.locator("#board tr.heads th").all_inner_texts()
    (distance,) = [number for number, text in enumerate(heads, 1) if "kl_pq" in text]
    assert column(view, distance) == sorted(column(view, distance))
    assert head.get_attribute("aria-sort") is None
    references = view.locator("#board tbody.reference tr th").all_inner_texts()
    assert sorted(references) == ["teacher", "untrained"]
    view.locator("#board tr.heads button", has_text="objective").click()
    assert names(view) == sorted(names(view))


def test_the_filter_keeps_what_matches_and_the_references(view):
    assert len(names(view)) == 5
    view.fill("#filter", "KL")
    assert sorted(names(view)) == ["adaptive_kl", "forward_kl", "reverse_kl"]
    assert view.inner_text("#count") == "3 of 5 objectives"
    assert view.locator("#board tbody.reference tr:visible").count() == 2
    view.fill("#filter", "")
    assert len(names(view)) == 5


def test_an_objective_opens_with_all_its_numbers_and_closes(view):
    view.locator("button.open", has_text="adaptive_kl").click()
    dialog = view.locator("dialog[open]")
    assert dialog.count() == 1
    shown = dialog.inner_text()
    for part in (
        "adaptive_kl(mu=0.5)",
        "coverage",
        "minus sft",
        "95 % interval",
        "p (Holm)",
        "seeds 3/3",
    ):
        assert part in shown
    assert dialog.locator("tbody tr").count() == 4 + 4 + 1 + 1 + 1 + 4  # and accuracy; lr and cost
    view.keyboard.press("Escape")
    assert view.locator("dialog[open]").count() == 0
    view.locator("button.open", has_text="teacher").click()
    view.locator("dialog[open] button", has_text="close").click()
    assert view.locator("dialog[open]").count() == 0


def test_answers_stand_side_by_side_as_plain_text(view):
    cards = view.locator("#answers .card")
    assert cards.count() == 5  # teacher, sft and the best three
    assert "teacher says <U+202E>test-00000" in cards.first.inner_text()
    assert HURT in cards.first.inner_text()
    assert view.locator("#answers img, #answers script").count() == 0
    view.click("#next")
    assert "test-00001" in cards.first.inner_text()
    view.click("#previous")
    view.click("#previous")
    assert "test-00005" in cards.first.inner_text()
    view.select_option("#task", label="micro_open")
    assert "test-00000" in cards.first.inner_text()
    view.click("#which summary")
    view.locator("#choices label", has_text="teacher").locator("input").uncheck()
    assert cards.count() == 4
    assert "coverage" in cards.first.locator("h3").inner_text()


def test_nothing_sticks_out_of_the_window(view):
    width = view.evaluate("document.documentElement.clientWidth")
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    for kind in ("diversity", "coverage", "ranks", "curves", "cost"):
        box = view.locator(f"#plot-{kind} svg").bounding_box()
        assert box["width"] > 300 and box["height"] > 100


def test_a_marker_tells_its_name(view):
    titles = view.locator("#plot-diversity svg title").all_text_contents()
    assert {"sft", "forward_kl", "adaptive_kl"} <= set(titles)
    # Presentation attributes take the place of styles, which the policy would have refused.
    path = view.locator("#plot-diversity svg path[stroke]").first
    assert path.evaluate("element => getComputedStyle(element).stroke") != "none"
