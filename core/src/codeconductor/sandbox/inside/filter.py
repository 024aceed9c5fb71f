"""The seccomp filter: a small BPF program that refuses system calls by number and argument."""

from __future__ import annotations

import struct

from .syscalls import LOOKED_AT, NEWEST, NUMBERS, OUTSIDE, PRETENDED

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH numbers, by what `os.uname` calls the machine."""

_LOAD, _EQUAL, _ABOVE, _ALL_BITS, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06  # BPF_LD|W|ABS, JEQ, JGT, JSET, RET
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWUSER, NEWPID, NEWNET, NEWIPC, NEWUTS, NEWCGROUP, NEWNS
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C


def _step(code: int, k: int, jump_true: int = 0, jump_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, jump_true, jump_false, k)


def _give(errno: int) -> bytes:
    return _step(_RETURN, _ERRNO | errno)


def _when(number: int, body: list[bytes]) -> list[bytes]:
    """Steps for one system call; what they do not decide falls through with its number in the accumulator again."""
    body = [*body, _step(_LOAD, _NUMBER)]
    return [_step(_EQUAL, number, 0, len(body)), *body]


def _argument(position: int) -> bytes:
    return _step(_LOAD, _ARGUMENTS + 8 * position)  # its low half, on machines with the low byte first


def _unless_one_of(values: tuple[int, ...]) -> list[bytes]:
    """Refuse a call whose first argument is none of these."""
    steps = [_argument(0)]
    for place, value in enumerate(values):
        steps.append(_step(_EQUAL, value, len(values) - place, 0))
    return [*steps, _give(_EPERM)]


def filter_for(machine: str, *, namespaces: bool) -> bytes | None:
    """The program for `PR_SET_SECCOMP`, eight bytes a step; None for a machine whose numbers are not known here.

    Args:
        machine: As `os.uname` names it.
        namespaces: Whether network, IPC and files are the sandbox's own, so that sockets and modes may be used.
    """
    if machine not in MACHINES:
        return None
    numbers = NUMBERS[machine]
    steps = [
        _step(_LOAD, _ARCH),
        _step(_EQUAL, MACHINES[machine], 1, 0),
        _step(_RETURN, _KILL),  # 32-bit calls have numbers of their own
        _step(_LOAD, _NUMBER),
        _step(_ABOVE, NEWEST, 0, 1),  # x32's numbers are all above
        _give(_ENOSYS),
    ]
    left_alone = LOOKED_AT | (PRETENDED | OUTSIDE if namespaces else PRETENDED)
    for name, number in sorted(numbers.items()):
        if name not in left_alone:
            steps += [_step(_EQUAL, number, 0, 1), _give(_EPERM)]
        elif name in PRETENDED and not namespaces:
            steps += [_step(_EQUAL, number, 0, 1), _give(0)]
    own = (_UNIX, _INET, _INET6, _NETLINK)  # vsock and its like do not belong to a network namespace
    steps += _when(numbers["socket"], _unless_one_of(own) if namespaces else [_give(_EPERM)])
    steps += _when(numbers["socketpair"], _unless_one_of((_UNIX,)))
    steps += _when(numbers["clone"], [_argument(0), _step(_ALL_BITS, _NEW_NAMESPACES, 0, 1), _give(_EPERM)])
    steps += _when(numbers["clone3"], [_give(_ENOSYS)])  # its flags are behind a pointer; libc then takes clone
    steps += _when(numbers["prlimit64"], [_argument(0), _step(_EQUAL, 0, 1, 0), _give(_EPERM)])  # others' limits
    steps += _when(
        numbers["ioctl"],
        [_argument(1), _step(_EQUAL, _TIOCSTI, 1, 0), _step(_EQUAL, _TIOCLINUX, 0, 1), _give(_EPERM)],
    )
    return b"".join([*steps, _step(_RETURN, _ALLOW)])
