"""What a program that a model wrote may use, and what it did."""

from __future__ import annotations

from typing import Literal

import attrs

Strength = Literal["strong", "partial", "none"]
"""``strong``: no network, nothing readable or writable outside, nothing survives; ``partial``: a named gap is left;
``none``: limits only."""

OutcomeKind = Literal["returned", "raised", "printed", "timeout", "died", "absent", "unreadable"]


@attrs.frozen(kw_only=True)
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


@attrs.frozen
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
