"""Which sandbox is taken, which is refused and why, and what a strategy's bench makes of it."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import TYPE_CHECKING

import attrs
import pytest
from codeconductor import ConductorError, Outcome, hookimpl, inside_command
from codeconductor.dispatch import Limits as DispatchLimits
from codeconductor.pipeline.bench import SessionBench
from codeconductor.sandbox import Limits, find_sandbox, limits_for, sandboxes, trial_of
from codeconductor.sandbox.choice import strongest
from codeconductor.sandbox.tiers import BUILTIN, Bubblewrap, Landlock, LimitsAlone
from codeconductor.sandbox.trial import attack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from codeconductor import Session
    from codeconductor.sandbox import Payload, Strength
    from codeconductor.testing import MakeSession


@attrs.frozen
class Pretender:
    """Says that it is strong, and holds nothing back."""

    name: str = "pretender"
    strength: Strength = "strong"
    missing: tuple[str, ...] = ()
    remedy: str = "do without it"

    def command(self, payload: Payload) -> Sequence[str]:
        return inside_command(payload)


@attrs.frozen
class Modest(Landlock):
    """Holds everything back, and says that it is not sure."""

    name: str = "modest"
    strength: Strength = "partial"


@attrs.frozen
class Faulty(Pretender):
    name: str = "faulty"

    def command(self, payload: Payload) -> Sequence[str]:
        raise RuntimeError("it broke")


class Bringing:
    def __init__(self, *brought: object) -> None:
        self.brought = brought

    @hookimpl
    def conductor_sandboxes(self) -> Sequence[object]:
        return self.brought


def bench(session: Session) -> SessionBench:
    return SessionBench(session, weights={}, seed=1, limits=DispatchLimits())


def works() -> bool:
    found = (trial_of(tier).sandbox for tier in BUILTIN)
    return any(sandbox is not None and sandbox.strength == "strong" for sandbox in found)


def test_a_sandbox_is_as_strong_as_attacks_have_shown_and_not_as_it_says() -> None:
    tried = attack(Pretender()).sandbox
    assert tried is not None
    assert tried.strength == "none"
    assert "reading files outside" in tried.missing


def test_a_sandbox_is_never_stronger_than_it_says() -> None:
    trial = attack(Modest())
    if trial.sandbox is None:
        pytest.skip(f"Landlock does not work here: {trial.reason}")
    assert trial.sandbox.strength == "partial"


def test_the_strongest_is_taken_and_the_first_among_equals() -> None:
    assert strongest([]) is None
    assert strongest([Faulty()]) is None
    first = strongest([Faulty(), Pretender(), LimitsAlone()])
    assert first is not None
    assert first.name == "pretender"
    if works():
        best = strongest([LimitsAlone(), Pretender(), *BUILTIN])
        assert best is not None
        assert best.strength == "strong"


def test_what_cannot_be_stronger_is_not_even_attacked() -> None:
    class Untouchable(LimitsAlone):
        def command(self, payload: Payload) -> Sequence[str]:
            raise AssertionError("it was attacked")

    assert strongest([LimitsAlone(), Untouchable()]) is not None


def test_one_that_raises_is_none_and_says_why() -> None:
    trial = attack(Faulty())
    assert (trial.sandbox, trial.reason, trial.remedy) == (None, "RuntimeError: it broke", "do without it")


def test_an_attack_is_made_once() -> None:
    assert trial_of(LimitsAlone()) is trial_of(LimitsAlone())


class TestBubblewrap:
    """What is found of the program `bwrap`, which others have put there."""

    @staticmethod
    def lay(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
        program = folder / "bwrap"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def test_where_it_is_not_installed_the_package_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        trial = attack(Bubblewrap())
        assert trial.sandbox is None
        assert trial.reason == "the program bwrap is not installed"
        assert "install the package bubblewrap" in trial.remedy

    def test_where_it_may_make_no_namespaces_its_own_words_are_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.lay(tmp_path, "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1", monkeypatch)
        trial = attack(Bubblewrap())
        assert trial.sandbox is None
        assert trial.reason == "bwrap: setting up uid map: Permission denied"
        assert "AppArmor" in trial.remedy

    def test_one_that_only_starts_what_it_is_given_is_found_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is there, it works, and it isolates nothing."""
        skip = 'while [ "$1" != -- ]; do shift; done; shift; cd /; exec "$@"'
        self.lay(tmp_path, f'[ "$1" = --help ] && exit 0\n{skip}', monkeypatch)
        trial = attack(Bubblewrap())
        assert trial.sandbox is None or trial.sandbox.strength == "none"

    def test_options_that_an_older_one_lacks_are_left_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if trial_of(Bubblewrap()).sandbox is None:
            pytest.skip("bubblewrap does not work here")
        program = shutil.which("bwrap")
        refuse = 'case " $* " in *" --size "*|*" --disable-userns "*|*" --clearenv "*) exit 1;; esac'
        self.lay(
            tmp_path,
            f'[ "$1" = --help ] && {{ echo "    --perms OCTAL"; exit 0; }}\n{refuse}\nexec {program} "$@"',
            monkeypatch,
        )
        trial = attack(Bubblewrap())
        assert trial.sandbox is not None, trial.reason
        assert trial.sandbox.strength == "strong"


class TestBench:
    """What a strategy may do."""

    def test_it_runs_where_a_sandbox_is_strong_enough(self, session: Session) -> None:
        if not works():
            pytest.skip("no sandbox works here")

        async def run() -> object:
            async with session:
                assert bench(session).can_run
                first = await bench(session).run(["def f(x): return x"], ["1"], "f")
                second = await bench(session).run(["print(input())"], ["2"], "")
                return [first, second]

        assert asyncio.run(run()) == [[[Outcome("returned", "1")]], [[Outcome("printed", "2\n")]]]

    def test_it_runs_nothing_where_that_is_forbidden(self, make_session: MakeSession) -> None:
        session = make_session({"run": {"execute": False}})
        assert not bench(session).can_run
        with pytest.raises(ConductorError, match="it is forbidden"):
            asyncio.run(bench(session).run(["def f(x): return x"], ["1"], "f"))

    @pytest.mark.parametrize("minimum", ["strong", "partial", "none"])
    def test_what_it_runs_in_is_as_strong_as_the_settings_demand(
        self, make_session: MakeSession, minimum: Strength
    ) -> None:
        found = find_sandbox(make_session({"sandbox": {"minimum": minimum}}))
        order = ["none", "partial", "strong"]
        if minimum == "none":
            assert found is not None
        if found is not None:
            assert order.index(found.strength) >= order.index(minimum)

    def test_the_limits_are_those_of_the_settings(self, make_session: MakeSession) -> None:
        table = {"memory": "512 MiB", "file_size": "1 MiB", "processes": 7}
        limits = limits_for(make_session({"sandbox": table}), 3.0)
        assert limits == Limits(seconds=3.0, memory=512 * 2**20, file_size=2**20, processes=7)

    def test_the_limits_of_the_settings_hold(self, make_session: MakeSession) -> None:
        if not works():
            pytest.skip("no sandbox works here")
        program = "def f(size): return len(bytearray(size))"

        async def run(memory: str) -> object:
            async with make_session({"sandbox": {"memory": memory}}) as session:
                return await bench(session).run([program], [str(400 * 2**20)], "f")

        assert asyncio.run(run("200 MiB")) == [[Outcome("raised", "MemoryError")]]
        assert asyncio.run(run("1 GiB")) == [[Outcome("returned", str(400 * 2**20))]]


class TestPlugins:
    """Sandboxes that plugins bring, by the hook `conductor_sandboxes`."""

    def test_they_come_after_core_s_own_by_name(self, make_session: MakeSession) -> None:
        session = make_session(acme=Bringing(Pretender(), Faulty()))
        assert [sandbox.name for sandbox in sandboxes(session)][-2:] == ["faulty", "pretender"]
        assert [sandbox.name for sandbox in sandboxes(session)][:-2] == [sandbox.name for sandbox in BUILTIN]

    def test_core_s_own_names_are_kept(self, make_session: MakeSession) -> None:
        session = make_session(acme=Bringing(Pretender(name="landlock")))
        assert list(sandboxes(session)) == list(BUILTIN)
        assert any("'landlock' of plugin 'acme' is not used" in warning for warning in session.warnings)

    def test_one_that_is_none_is_blamed(self, make_session: MakeSession) -> None:
        session = make_session(acme=Bringing("a word"))
        assert list(sandboxes(session)) == list(BUILTIN)
        assert any("acme" in warning and "sandbox" in warning for warning in session.warnings)
