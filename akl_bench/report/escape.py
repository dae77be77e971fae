"""Text from plug-ins, files and models, made harmless for each output format.

One rule holds for all of them: a character that acts or cannot be seen shows as <U+XXXX>. A line
break is one, so whoever wants lines splits the text first.
"""

import re
import unicodedata

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    # Not special, but another sign in TeX's default font encoding.
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # After the \\ of a row above, these would belong to it.
    "[": "{[}",
    "*": "{*}",
    # Signs of the tables.
    "±": r"$\pm$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "²": "$^2$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}
_NOT_LATIN = re.compile(r"[^\x00-\xff†‡↑↓]")
# Controls, format marks (they turn text around), lone surrogates (no file can hold them), line and
# paragraph separators.
_ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Fillers that count as letters, and code points without a category that fonts show as nothing.
_BLANK = frozenset("\u115f\u1160\u2065\u3164\uffa0").union(map(chr, range(0xE0000, 0xE0080)))


def terminal_text(text: str) -> str:
    """Text without characters that act or cannot be seen."""
    return re.sub(r"[^ -~]", _visible, text)


def _visible(match: re.Match[str]) -> str:
    acts = unicodedata.category(match[0]) in _ACTING or match[0] in _BLANK
    return _code_point(match) if acts else match[0]


def _code_point(match: re.Match[str]) -> str:
    return f"<U+{ord(match[0]):04X}>"


def markdown_text(text: str) -> str:
    """Text that stays within a Markdown table cell and shows as it is.

    An underscore between letters or digits is no markup, so names stay readable.
    """
    marks = r"[\\`*|~\[\]]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
    escaped = re.sub(marks, r"\\\g<0>", terminal_text(text).replace("&", "&amp;"))
    return escaped.replace("<", "&lt;").replace(">", "&gt;")


def latex_text(text: str) -> str:
    """Text with LaTeX's special characters escaped; what its fonts lack shows as U+XXXX."""
    known = _NOT_LATIN.sub(_code_point, terminal_text(text))
    return "".join(_LATEX.get(character, character) for character in known)


def csv_text(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    shown = terminal_text(text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def xml_text(text: str) -> str:
    """Text that XML 1.0 can hold; its markup is the XML writer's business."""
    return re.sub("[\ufffe\uffff]", _code_point, terminal_text(text))


def command_text(text: str) -> str:
    """Text as the message of a GitHub workflow command."""
    return terminal_text(text).replace("%", "%25")


def command_property(text: str) -> str:
    """Text as a property of a GitHub workflow command."""
    return command_text(text).replace(":", "%3A").replace(",", "%2C")
