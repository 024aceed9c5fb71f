"""One spelling for characters that say the same: ``−`` and ``-``, ``≥`` and ``>=``, ``n²`` and ``n^2``."""

from __future__ import annotations

import re
import unicodedata

_SIGNS = str.maketrans({"−": "-", "⁄": "/", "≤": "<=", "≥": ">=", "≠": "!=", "’": "'", "“": '"', "”": '"'})
_RAISED = "[⁰¹²³⁴-⁹⁻]+"  # compiled when the first text needs it: sets of such characters take milliseconds
_MIXED = "(?<=[0-9])(?=[¼-¾⅐-⅞])"


def plain_signs(text: str) -> str:
    """The text in compatibility form (NFKC), less what that would run together: 10⁵ is not 105, 2½ not 21/2."""
    if text.isascii():
        return text
    text = re.sub(_MIXED, " ", re.sub(_RAISED, lambda match: f"^{match[0]}", text))
    return unicodedata.normalize("NFKC", text).translate(_SIGNS)
