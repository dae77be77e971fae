"""Text from runs and models, made harmless for terminals, Markdown, XML and GitHub's log."""

import re
import unicodedata
from collections.abc import Callable

# Controls, format marks (they turn text around), surrogates, line and paragraph separators.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def plain(text: str) -> str:
    """Text without characters that act; each shows as <U+XXXX>."""
    return _shown(text, lambda character: unicodedata.category(character) in _INVISIBLE)


def markdown(text: str) -> str:
    """Text that stays within a Markdown table cell and shows as it is."""
    # An underscore between letters or digits is no markup, so names stay readable.
    marks = r"[\\`*|~\[\]]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
    escaped = re.sub(marks, r"\\\g<0>", plain(text).replace("&", "&amp;"))
    return escaped.replace("<", "&lt;").replace(">", "&gt;")


def xml(text: str) -> str:
    """Text that XML 1.0 can hold; its markup is the XML writer's business."""
    return _shown(plain(text), lambda character: character in "\ufffe\uffff")


def command_data(text: str) -> str:
    """Text as the message of a workflow command."""
    return plain(text).replace("%", "%25")


def command_property(text: str) -> str:
    """Text as a property of a workflow command."""
    return command_data(text).replace(":", "%3A").replace(",", "%2C")


def _shown(text: str, acts: Callable[[str], bool]) -> str:
    return "".join(f"<U+{ord(c):04X}>" if acts(c) else c for c in text)
