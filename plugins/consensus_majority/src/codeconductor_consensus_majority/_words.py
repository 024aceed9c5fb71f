"""The words that the comparison of sentences knows: what says nothing, what says the same, what says the opposite."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


def _set(text: str) -> frozenset[str]:
    return frozenset(_words(text))


IDLE = _set(
    """a an the this that these those it its of for with by as and also then be is are was were been being will would
    shall should must may might can could has have had do does did need needs please so such there which whose
    function method code program implementation implement implements use uses used using user's able ensure ensures
    make makes sure any each every all both either one single once per
    way apply applies time response responses test tests testing
    if when where while at because since
    on allowed"""
)
"""Words that a sentence can lose and still mean the same, where both sentences lose them."""

NEGATIONS = _set(
    """not no never without cannot neither nor avoid avoids avoiding != dont doesnt didnt isnt arent wont shouldnt
    mustnt unable hardly barely lack lacks lacking nicht kein keine keinen nie ohne pas jamais sans nunca"""
)
"""Also of German, French and Spanish, where they are no words of English; "none" is a value, but for "none of"."""

OPERATORS = _set("< <= > >= + & |")
"""Signs that sentences which mean the same both have: a bound that is included is not one that is excluded."""

LIMITS = _set("only but just exactly solely except unless")
"""Words that narrow what a sentence says: one that has any is not the same as one that has none."""

SEQUENCES = _set("then second finally next afterwards")
"""Words of sentences in which the order of the others matters."""

NUMBERS = {
    **dict(
        zip(_words("two three four five six seven eight nine ten eleven twelve"), map(str, range(2, 13)), strict=True)
    ),
    **{"zero": "0", "hundred": "100", "thousand": "1000", "twice": "2"},
}
"""Words for numbers; "one" is not among them, as it mostly is an article."""

SAME = {
    "throw": "raise",
    "throws": "raise",
    "thrown": "raise",
    "raised": "raise",
    "exception": "error",
    "ignored": "ignore",
    "dict": "dictionary",
    "int": "integer",
    "str": "string",
    "bool": "boolean",
    "null": "none",
    "app": "application",
    "max": "maximum",
    "min": "minimum",
    "mutate": "modify",
    "mutated": "modify",
    "mutates": "modify",
    "lib": "library",
    "libs": "library",
    "libraries": "library",
    "packages": "library",
    "package": "library",
    "kept": "keep",
    "kept's": "keep",
    "written": "write",
    "sent": "send",
    "built": "build",
    "chosen": "choose",
    "indexes": "index",
    "indices": "index",
    "lowercasing": "lowercase",
    "define": "create",
    "defines": "create",
    "build": "create",
    "check": "verify",
    "checks": "verify",
    "==": "return",
    "argument": "input",
    "arguments": "input",
    "nth": "n",
    "th": "n",
}
"""One word for several, before the stem is taken."""

OPPOSITES = (
    "ascending|increasing descending|decreasing",
    "include|includes|included|including exclude|excludes|excluded|excluding",
    "inclusive exclusive",
    "true false",
    "positive negative",
    "valid|well-formed invalid|malformed",
    "sorted unsorted",
    "ordered unordered",
    "minimum|smallest|shortest|least|min maximum|largest|longest|most|max",
    "first last",
    "before after",
    "greater|more|above|larger|over|exceed less|fewer|below|smaller|under",
    "least|minimum most|maximum",
    "even odd",
    "uppercase|upper lowercase|lower",
    "leading trailing",
    "left right",
    "prefix suffix",
    "start|beginning|begin end",
    "encode|encoded|encoding decode|decoded|decoding",
    "encrypt|encrypted decrypt|decrypted",
    "open|opened close|closed",
    "read|reads|reading write|writes|writing",
    "allow|allows|allowed|accept|accepted reject|rejects|rejected|forbid|forbidden|disallow|disallowed",
    "enable|enabled disable|disabled",
    "mutable immutable",
    "public private",
    "synchronous|sync asynchronous|async",
    "recursive|recursively|recursion iterative|iteratively|iteration",
    "push|pushes pop|pops",
    "add|addition subtract|subtraction",
    "multiply|multiplication divide|division",
    "key value",
    "row column",
    "create|created|creates delete|deleted|deletes",
    "successful|succeed|success failed|fail|failure|unsuccessful",
    "optional|optionally required|mandatory",
    "sensitive|sensitively insensitive|insensitively",
    "empty non-empty|nonempty",
    "few|little many|much",
    "internal external",
    "local global",
    "breadth|bfs depth|dfs",
    "top bottom",
    "seconds minutes hours days milliseconds",
    "thread process",
    "space time",
    "missing|absent present|existing",
    "return|returned raise|throw",
    "copy|new place|itself",
    "sum difference product quotient",
    "recently frequently",
    "kept|keep dropped|drop|remove|removed|discard|discarded",
    "stop continue",
    "while for",
    "and or",
)
"""In each line, words of one group are not those of another."""

QUANTIFIERS = "all|every|each|both any|either"
"""The same for what stands in a condition; elsewhere ("log any errors") they say the same."""

CONDITIONS = _set("if when whenever whether while until unless where that which who whose")
"""Words that begin a condition."""

KINDS = _set(
    """string integer float list dictionary set tuple boolean file line word number character path byte stack queue heap
    array column row vowel consonant unicode json csv xml yaml"""
)
"""Kinds of things: sentences that each name one which the other does not name speak of different things."""

ORDERING = _set("to into by before after than over of") | NEGATIONS
"""What stands behind these words cannot be swapped with what stands before them."""
