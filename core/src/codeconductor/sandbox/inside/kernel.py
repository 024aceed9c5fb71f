"""The system calls that Python has no function for, through ctypes: prctl, capabilities, seccomp and Landlock."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from contextlib import suppress
from pathlib import Path

from .filter import filter_for

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_SET_SECCOMP, _PR_SET_CHILD_SUBREAPER = 4, 8, 22, 36
_PR_SET_SECUREBITS, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 28, 38, 47
_NO_SETUID_FIXUP = 4
_CAP_AMBIENT_RAISE, _SECCOMP_MODE_FILTER, _CAPABILITY_VERSION = 2, 2, 0x20080522
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # Landlock's, on every machine
_RULE_PATH_BENEATH, _CREATE_RULESET_VERSION = 1, 1

CAP_DAC_READ_SEARCH = 2

READ = 0b1101  # execute, read a file, list a folder
FILE = 0b1100000000000111  # what there is to do with a single file
DEVICE = 0b0100000000000110  # read, write, truncate
_SCOPES = 0b11  # abstract Unix sockets, signals
_TCP = 0b11  # bind, connect


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _prctl(option: int, *arguments: object) -> int:
    unused = [ctypes.c_ulong(0)] * (4 - len(arguments))
    return _checked(_libc.prctl(option, *arguments, *unused))


def guard_process() -> None:
    """Give up gaining rights, refuse to be looked into, and adopt whatever descendants leave behind."""
    if sys.platform != "linux":
        return
    _prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))
    _prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(0))
    _prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))


def _has_capability(capability: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "CapPrm":
            return bool(int(value, 16) >> capability & 1)
    return False


def _can_read_as(user: int) -> bool:
    """Whether a user without rights reads this interpreter's own files."""
    os.seteuid(user)
    try:
        os.close(os.open(os.__file__, os.O_RDONLY))
    except OSError:
        return False
    finally:
        os.seteuid(0)
    return True


def become(user: int) -> bool:
    """From root, become a user that nobody else is: limits of processes hold, and a signal reaches nobody else.

    The right to read every file is kept where there is one, since root's interpreter may lie where only root reads;
    what may be read at all is for Landlock and mounts to say.

    Returns:
        False: this root may not, or the user could not read the interpreter; nothing has changed.
    """
    try:
        reads_all = _has_capability(CAP_DAC_READ_SEARCH)
        if not reads_all and not _can_read_as(user):
            return False
        os.setgroups([])
        os.setresgid(user, user, user)
        _prctl(_PR_SET_KEEPCAPS, ctypes.c_ulong(1))
        with suppress(OSError):  # else access(2) takes no account of the right that is kept, though open(2) does
            _prctl(_PR_SET_SECUREBITS, ctypes.c_ulong(_NO_SETUID_FIXUP))
        os.setresuid(user, user, user)
    except OSError:
        return False
    kept = 1 << CAP_DAC_READ_SEARCH if reads_all else 0
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    _checked(_libc.capset(header, struct.pack("=6I", kept, kept, kept, 0, 0, 0)))
    if reads_all:
        _prctl(_PR_CAP_AMBIENT, ctypes.c_ulong(_CAP_AMBIENT_RAISE), ctypes.c_ulong(CAP_DAC_READ_SEARCH))
    return True


def refuse_calls(*, namespaces: bool) -> bool:
    """Install the seccomp filter; False where this machine or kernel has none."""
    steps = filter_for(platform.machine(), namespaces=namespaces) if sys.platform == "linux" else None
    if steps is None:
        return False
    program = _Program(len(steps) // 8, steps)
    try:
        _prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(program))
    except OSError:
        return False
    return True


_REFER = 1 << 13
"""Moving and linking files from one folder into another."""


def landlock_version() -> int:
    """Landlock's ABI here; 0: there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_CREATE_RULESET_VERSION))))


def _ruleset(files: int, ports: int, scopes: int, version: int) -> int:
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = struct.pack("=QQQ", files, ports if version >= 4 else 0, scopes if version >= 6 else 0)[:size]
    return _checked(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint(0)))


def signal_scope() -> int | None:
    """A ruleset that keeps signals and abstract sockets among those that entered it; None where there is none.

    It leaves files alone, which has to be said: a ruleset that does not allow to move and link files from one folder
    into another forbids it. The descriptor is for `enter`; it is closed on exec.
    """
    version = landlock_version()
    if version < 6:
        return None
    ruleset = _ruleset(_REFER, 0, _SCOPES, version)
    _allow(ruleset, "/", _REFER)
    return ruleset


def file_rules(rules: list[tuple[str, int]]) -> int | None:
    """A ruleset that allows what `rules` name (path and rights) and no TCP; None where there is no Landlock.

    A path that does not exist is left out. The descriptor is for `enter`.
    """
    version = landlock_version()
    if not version:
        return None
    handled = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    ruleset = _ruleset(handled, _TCP, _SCOPES, version)
    for path, rights in rules:
        _allow(ruleset, path, rights & handled & (~0 if Path(path).is_dir() else FILE))
    return ruleset


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = struct.pack("=Qi", rights, fd)
        _checked(_libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, ctypes.c_uint(0)))
    finally:
        os.close(fd)


def enter(ruleset: int) -> None:
    """Put this process and all that it starts under the ruleset, for ever."""
    _checked(_libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint(0)))
