"""Coder ─▶ **verification** ─▶ feedback: do the tests of the code pass, in the sandbox?"""

from __future__ import annotations

from codeconductor.verification.bench import TestBench
from codeconductor.verification.junit import cases_of_junit
from codeconductor.verification.values import CaseStatus, SandboxUsed, TestCase, TestReport, TestRun, TestRunner
from codeconductor.verification.verifying import PACKAGE, TIMEOUT, check_sandbox, verify

__all__ = [
    "PACKAGE",
    "TIMEOUT",
    "CaseStatus",
    "SandboxUsed",
    "TestBench",
    "TestCase",
    "TestReport",
    "TestRun",
    "TestRunner",
    "cases_of_junit",
    "check_sandbox",
    "verify",
]
