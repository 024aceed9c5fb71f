"""Go code that has its tests seem to pass, and what must go on passing; by the go command itself, where it is found."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import codeconductor_runner_go
import pytest
from codeconductor import verify
from codeconductor_runner_go._runner import GoRunner

if TYPE_CHECKING:
    from codeconductor import Session
    from codeconductor.testing import MakeSession

SAID = "\\x16--- PASS: TestEnds (0.00s)\\n\\x16=== RUN   TestBad\\n\\x16--- PASS: TestBad (0.00s)\\nPASS\\n"

ENDS = """package ends

import ("os"; "syscall"; "testing")

func TestEnds(t *testing.T) {
	os.Stdout.WriteString("SAID")
	syscall.Exit(0)
}

func TestBad(t *testing.T) { t.Error("bad") }
""".replace("SAID", SAID)

CHOOSES = """package chooses

import "os"

func init() { os.Args = append(os.Args, "-test.run=^TestGood$") }
"""

CHOSEN = """package chooses

import "testing"

func TestGood(t *testing.T) {}
func TestBad(t *testing.T) { t.Error("bad") }
"""

IMITATES = """package imitates

import ("io"; "reflect"; "syscall"; "testing"; "time")

type deps struct{}

func (deps) ImportPath() string { return "" }
func (deps) ModulePath() string { return "" }
func (deps) MatchString(pat, str string) (bool, error) { return true, nil }
func (deps) SetPanicOnExit0(bool) {}
func (deps) StartCPUProfile(io.Writer) error { return nil }
func (deps) StopCPUProfile() {}
func (deps) StartTestLog(io.Writer) {}
func (deps) StopTestLog() error { return nil }
func (deps) WriteProfileTo(string, io.Writer, int) error { return nil }
func (deps) CoordinateFuzzing(time.Duration, int64, time.Duration, int64, int, []CorpusEntry, []reflect.Type, string,
	string) error { return nil }
func (deps) RunFuzzWorker(func(CorpusEntry) error) error { return nil }
func (deps) ReadCorpus(string, []reflect.Type) ([]CorpusEntry, error) { return nil, nil }
func (deps) CheckCorpus([]any, []reflect.Type) error { return nil }
func (deps) ResetCoverage() {}
func (deps) SnapshotCoverage() {}
func (deps) InitRuntimeCoverage() (string, func(string, string) (string, error), func() float64) { return "", nil, nil }

type CorpusEntry = struct {
	Parent string
	Path string
	Data []byte
	Values []any
	Generation int
	IsSeed bool
}

func TestEnds(t *testing.T) {
	fine := []testing.InternalTest{{Name: "TestEnds", F: func(*testing.T) {}}}
	testing.MainStart(deps{}, fine, nil, nil, nil).Run()
	syscall.Exit(0)
}
"""

GOOD = """package good

import ("fmt"; "os"; "os/exec"; "strings"; "testing")

func TestMain(m *testing.M) { os.Exit(m.Run()) }

func TestStartsPrograms(t *testing.T) {
	said, err := exec.Command("env").Output()
	if err != nil || strings.Contains(string(said), "CONDUCTOR") || os.Getenv("CONDUCTOR_RETURNED") != "" {
		t.Error(string(said), err)
	}
}

func TestIsLater(t *testing.T) { t.Skip("later") }
func TestAtOnce(t *testing.T) { t.Parallel(); t.Run("inner", func(t *testing.T) { t.Parallel() }) }
func FuzzSeeds(f *testing.F) { f.Add("a"); f.Fuzz(func(t *testing.T, s string) {}) }
func Example_prints() { fmt.Println("said") // Output: said
}
"""


@pytest.mark.slow
def test_a_go_program_shows_that_all_of_its_tests_were_done(make_session: MakeSession, session: Session) -> None:
    """Not one that forges its report and ends itself, nor one that leaves tests out or runs others in their place."""
    if shutil.which("go") is None:
        assert "install Go" in str(GoRunner().lacks(session))
        return
    files = {
        "go.mod": "module shop\ngo 1.18\n",
        "ends/a_test.go": ENDS,
        "chooses/a.go": CHOOSES,
        "chooses/a_test.go": CHOSEN,
        "imitates/a_test.go": IMITATES,
        "good/a_test.go": GOOD.replace("// Output", "\n// Output"),
        "none/a.go": "package none\n",
    }
    for name, text in files.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    ours = make_session({"sandbox": {"minimum": "none"}}, runner_go=codeconductor_runner_go)
    report = asyncio.run(verify(ours, Path()))
    assert not report.warnings
    cases = {case.name: case for case in report.cases}
    for package in ("ends", "chooses", "imitates"):
        case = cases[f"shop/{package}"]
        assert case.status == "error", case
        assert "it ended before all of its tests were done" in str(case.message)
    assert {name: case.status for name, case in cases.items() if name.startswith(("shop/good", "shop/none"))} == {
        "shop/good::TestStartsPrograms": "passed",
        "shop/good::TestIsLater": "skipped",
        "shop/good::TestAtOnce": "passed",
        "shop/good::TestAtOnce/inner": "passed",
        "shop/good::FuzzSeeds": "passed",
        "shop/good::FuzzSeeds/seed#0": "passed",
        "shop/good::Example_prints": "passed",
    }
