"""Text from plug-ins, files and models, made harmless for each output format."""

import re

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
}
# Controls, and the marks that turn the direction of text around.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def terminal_text(text: str) -> str:
    """Text without control characters; each shows as U+XXXX."""
    return _INVISIBLE.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)


def markdown_text(text: str) -> str:
    """Text that stays within a Markdown table cell and shows as it is.

    An underscore between letters or digits is no markup, so names stay readable.
    """
    marks = r"[\\`*|~\[\]]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
    escaped = re.sub(marks, r"\\\g<0>", terminal_text(text).replace("&", "&amp;"))
    return escaped.replace("<", "&lt;")


def latex_text(text: str) -> str:
    """Text with LaTeX's ten special characters escaped."""
    return "".join(_LATEX.get(character, character) for character in terminal_text(text))


def csv_text(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") and text else text
