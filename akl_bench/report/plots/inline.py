"""A figure as SVG for a page that forbids inline styles: attributes instead, and tooltips."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from akl_bench.report.figures import save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_DROPPED = {f"{_SVG}metadata", f"{_SVG}style"}
_FONTS = "DejaVu Sans, Verdana, sans-serif"
# Older versions of matplotlib write the short form.
_FONT = re.compile(r"(?:.*\s)?([\d.]+px)\s.*")


def inline(figure: Figure, kind: str) -> str:
    """The figure as an `<svg>` element without styles, scripts or references to elsewhere.

    Markers and lines that carry a name get it as a tooltip. Ids begin with the kind, so that
    several pictures fit one page.
    """
    buffer = io.BytesIO()
    save(figure, buffer, "svg")
    root = ElementTree.fromstring(buffer.getvalue())
    used = _referenced(root)
    for parent in root.iter():
        for child in [c for c in parent if c.tag in _DROPPED]:
            parent.remove(child)
        _styled(parent)
        _identified(parent, kind, used)
    about = {"viewBox": root.get("viewBox", ""), "role": "img"}
    root.attrib.clear()
    title = figure.get_suptitle()
    root.attrib.update({**about, "aria-label": title, "stroke-linejoin": "round"})
    ElementTree.register_namespace("", _SVG[1:-1])
    return ElementTree.tostring(root, encoding="unicode")


def _referenced(root: ElementTree.Element) -> set[str]:
    used = set()
    for element in root.iter():
        used.add(element.get(_HREF, "").removeprefix("#"))
        used.update(re.findall(r"url\(#([^)]+)\)", element.get("clip-path", "")))
    return used - {""}


def _styled(element: ElementTree.Element) -> None:
    """Each declaration of a `style` attribute as an attribute of its own."""
    for declaration in element.attrib.pop("style", "").split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":
            short = _FONT.fullmatch(value)
            name, value = "font-size", short[1] if short else "9px"
        if name and name != "font-family":
            element.set(name, value)
    if element.tag == f"{_SVG}text":
        element.set("font-family", _FONTS)


def _identified(element: ElementTree.Element, kind: str, used: set[str]) -> None:
    id_ = element.attrib.pop("id", "")
    if id_.startswith("tip:"):
        tip = ElementTree.Element(f"{_SVG}title")
        tip.text = id_.removeprefix("tip:")
        element.insert(0, tip)
    elif id_ in used:
        element.set("id", f"{kind}-{id_}")
    if _HREF in element.attrib:
        element.set("href", f"#{kind}-{element.attrib.pop(_HREF).removeprefix('#')}")
    if "clip-path" in element.attrib:
        element.set("clip-path", element.attrib["clip-path"].replace("url(#", f"url(#{kind}-"))
