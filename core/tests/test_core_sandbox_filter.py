"""The filter of system calls, step by step as the kernel takes it, for machines that are not this one too."""

from __future__ import annotations

import struct

import pytest
from codeconductor.sandbox.inside.filter import MACHINES, filter_for
from codeconductor.sandbox.inside.syscalls import LOOKED_AT, NEWEST, NUMBERS, OUTSIDE, PRETENDED

ALLOWED, KILLED = 0x7FFF0000, 0x80000000
REFUSED, UNKNOWN, PRETENDS = 0x00050000 | 1, 0x00050000 | 38, 0x00050000

READ = {"x86_64": 0, "aarch64": 63}
"""`read`, which every program needs."""


def verdict(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What the program says of a call, by classic BPF's own rules."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    accumulator = place = 0
    while True:
        code, on_true, on_false, k = struct.unpack_from("=HBBI", program, 8 * place)
        place += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif code == 0x06:
            answer: int = k
            return answer
        else:
            holds = {0x15: accumulator == k, 0x25: accumulator > k, 0x45: bool(accumulator & k)}[code]
            place += on_true if holds else on_false


@pytest.fixture(params=sorted(MACHINES))
def machine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def says(machine: str, name: str, *arguments: int, namespaces: bool = False) -> int:
    program = filter_for(machine, namespaces=namespaces)
    assert program is not None
    return verdict(program, MACHINES[machine], NUMBERS[machine][name], *arguments)


def test_a_machine_whose_numbers_are_not_known_has_no_filter() -> None:
    assert filter_for("riscv64", namespaces=False) is None


@pytest.mark.parametrize("namespaces", [True, False])
def test_ordinary_calls_are_allowed_and_foreign_ones_are_not(machine: str, namespaces: bool) -> None:
    program = filter_for(machine, namespaces=namespaces)
    assert program is not None
    assert verdict(program, MACHINES[machine], READ[machine]) == ALLOWED
    assert verdict(program, 0x40000003, READ[machine]) == KILLED
    assert verdict(program, MACHINES[machine], NEWEST + 1) == UNKNOWN
    assert verdict(program, MACHINES[machine], 0x40000000 + READ[machine]) == UNKNOWN


@pytest.mark.parametrize("namespaces", [True, False])
def test_every_listed_call_is_refused_or_pretended(machine: str, namespaces: bool) -> None:
    for name in NUMBERS[machine].keys() - LOOKED_AT:
        expected = REFUSED
        if namespaces and name in PRETENDED | OUTSIDE:
            expected = ALLOWED
        elif name in PRETENDED:
            expected = PRETENDS
        assert says(machine, name, namespaces=namespaces) == expected, name


def test_sockets_are_looked_at_by_their_family(machine: str) -> None:
    unix, inet, inet6, netlink, packet, vsock = 1, 2, 10, 16, 17, 40
    assert {says(machine, "socket", family) for family in (unix, inet, inet6, netlink, packet, vsock)} == {REFUSED}
    own = {family: says(machine, "socket", family, namespaces=True) for family in (unix, inet, inet6, netlink)}
    assert set(own.values()) == {ALLOWED}
    assert {says(machine, "socket", family, namespaces=True) for family in (packet, vsock, 38, 44)} == {REFUSED}
    assert says(machine, "socketpair", unix) == ALLOWED
    assert says(machine, "socketpair", inet) == REFUSED


def test_calls_with_flags_are_looked_at_by_them(machine: str) -> None:
    sigchld, thread = 17, 0x003D0F00
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert says(machine, "clone", flag | sigchld) == REFUSED
    assert says(machine, "clone", sigchld) == ALLOWED
    assert says(machine, "clone", thread) == ALLOWED
    assert says(machine, "clone3") == UNKNOWN
    assert says(machine, "prlimit64", 0, 7) == ALLOWED
    assert says(machine, "prlimit64", 1, 7) == REFUSED
    tiocsti, tioclinux, tcgets = 0x5412, 0x541C, 0x5401
    assert [says(machine, "ioctl", 0, request) for request in (tiocsti, tioclinux, tcgets)] == [
        REFUSED,
        REFUSED,
        ALLOWED,
    ]
