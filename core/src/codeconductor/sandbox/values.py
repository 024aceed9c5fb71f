"""What a program that a model wrote may use, and what it did.

The canonical form of a value is JSON without blanks, by the value's exact type:

    None, True, False   null, true, false
    int                 a number; beyond 2**53 ["int", "…"] with its digits, beyond 4,300 digits ["int", "0x…"]
    float               ["float", repr]: "1.5", "nan", "inf", "-inf", "-0.0"
    str                 a string
    list, tuple, deque  ["list", [item …]], ["tuple", …], ["deque", …]
    set, frozenset      ["set", [item …]], ["frozenset", …]: items sorted by their text
    dict                ["dict", [[key, value] …]]: pairs sorted by their text; Counter, defaultdict and OrderedDict are
                        dicts
    iterators           ["iterable", [item …]]: drained, to at most 10,000 items
    namedtuple          ["tuple", [item …]]
    bytes, bytearray    ["bytes", hexadecimal]
    complex             ["complex", [real, imaginary]], both as floats
    Decimal, Fraction, range, date, time, datetime, timedelta   [class, str(value)]
    Enum                ["enum", "Class.NAME"]
    anything else       ["object", class, [[attribute, value] …]]: public attributes (a dataclass's fields), sorted
    what was met before on the way down, or lies too deep   ["…"]
"""

from __future__ import annotations

from typing import Literal

from codeconductor.value_classes import frozen

Strength = Literal["strong", "partial", "none"]
"""``strong``: no network, nothing readable or writable outside, nothing survives; ``partial``: a named gap is left;
``none``: limits only."""

OutcomeKind = Literal["returned", "raised", "printed", "timeout", "died", "absent", "unreadable"]


@frozen(kw_only=True)
class Limits:
    """What one program may use.

    Attributes:
        seconds: Of wall clock, for all of its inputs together.
        memory: Bytes.
        file_size: Bytes of one file.
        processes: At once.
        output: Bytes of what it prints that are kept, and of one result.
    """

    seconds: float = 10.0
    memory: int = 2 * 2**30
    file_size: int = 2**30
    processes: int = 256
    output: int = 64 * 1024


@frozen
class Outcome:
    """What a program did with one input.

    Attributes:
        kind: It returned, raised, printed (a whole program that came to its end), took too long, died (the process
            ended without a word), has no such entry point, or returned what cannot be told as text.
        value: The returned value in its canonical form (JSON with the types named), the name of the exception's class,
            or what was printed; empty otherwise.
        arguments: The arguments after the call in the same form, where the call has changed them; None: it has not.
    """

    kind: OutcomeKind
    value: str = ""
    arguments: str | None = None
