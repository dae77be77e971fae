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
    # Not special, but another sign in TeX's default font encoding.
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # Signs of the tables.
    "±": r"$\pm$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "²": "$^2$",
}
_NOT_LATIN = re.compile(r"[^\x00-\xff†‡]")
# Controls, the marks that turn the direction of text around, what shows as nothing, and lone
# surrogates, which no file can hold.
_INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def terminal_text(text: str) -> str:
    """Text without control characters; each shows as U+XXXX."""
    return _INVISIBLE.sub(_code_point, text)


def _code_point(match: re.Match[str]) -> str:
    return f"<U+{ord(match[0]):04X}>"


def markdown_text(text: str) -> str:
    """Text that stays within a Markdown table cell and shows as it is.

    An underscore between letters or digits is no markup, so names stay readable.
    """
    marks = r"[\\`*|~\[\]]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
    escaped = re.sub(marks, r"\\\g<0>", terminal_text(text).replace("&", "&amp;"))
    return escaped.replace("<", "&lt;")


def latex_text(text: str) -> str:
    """Text with LaTeX's special characters escaped; what its fonts lack shows as U+XXXX."""
    known = _NOT_LATIN.sub(_code_point, terminal_text(text))
    return "".join(_LATEX.get(character, character) for character in known)


def csv_text(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r\n") and text else text
