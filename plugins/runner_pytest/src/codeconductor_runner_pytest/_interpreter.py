"""The interpreter that a project's tests run on, and the pytest that is lent to one without."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor import frozen, interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping

_LENT = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")
"""pytest and what it imports, all of it Python's own code and so fit for any interpreter that is new enough."""

_NAMES = (".venv", "venv", "env")


@frozen
class Python:
    """An interpreter: its path, and what must be readable to start it."""

    program: Path
    readable: tuple[Path, ...]


def find_python(origin: Path, linked: Mapping[str, Path]) -> Python:
    """The one of the project's own virtual environment, of the one that is active, or ours."""
    places = [linked[name] for name in _NAMES if name in linked]
    places += [origin / name for name in _NAMES]
    active = os.environ.get("VIRTUAL_ENV")
    if active:
        places.append(Path(active))
    for place in places:
        program = place / "bin" / "python"
        if (place / "pyvenv.cfg").is_file() and program.exists():
            return Python(program, (place, *_base_of(place, program)))
    program = Path(sys.executable) if sys.executable else interpreter()
    return Python(program, (Path(sys.prefix), Path(sys.base_prefix), *_base_of(Path(sys.prefix), program)))


def _base_of(place: Path, program: Path) -> tuple[Path, ...]:
    """Where the interpreter of a virtual environment is installed, with the links on the way."""
    found = [program.resolve().parent.parent]
    try:
        lines = (place / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return tuple(found)
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() == "home" and value.strip():
            found.append(Path(value.strip()).parent)
    return tuple(one for one in found if one not in {Path("/"), Path("/usr")})


def brought() -> dict[str, Path]:
    """Where our own pytest and what it needs lie, by the name that they are imported by."""
    places = {}
    for name in _LENT:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            places[name] = Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)
    return places


def versions() -> dict[str, str]:
    """Versions of the distributions that are lent: pytest asks for the one of pluggy when it starts."""
    found = {}
    for name in _LENT:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
