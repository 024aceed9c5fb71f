"""Reads JUnit XML as test runners write it, each a little different."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor.verification.values import CaseStatus, TestCase

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_STATUS: dict[str, CaseStatus] = {"failure": "failed", "error": "error", "skipped": "skipped"}


def cases_of_junit(content: bytes) -> tuple[TestCase, ...]:
    """Every `testcase`, wherever it stands: node puts some right below the root.

    Raises:
        ValueError: It is no well-formed XML, declares entities, or counts other cases than it has.
    """
    from xml.etree import ElementTree

    if b"<!ENTITY" in content:
        raise ValueError("it declares entities")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314 - entities are refused above
    except ElementTree.ParseError as exc:
        raise ValueError(f"it is no whole XML: {exc}") from exc
    if root.tag not in {"testsuites", "testsuite"}:
        raise ValueError(f"its root is {root.tag!r}, not 'testsuites'")
    for suite in root.iter("testsuite"):
        told = suite.get("tests")
        nested = suite.find("testsuite") is not None
        if told is not None and told.isdecimal() and not nested and int(told) != len(suite.findall("testcase")):
            raise ValueError(f"a suite says that it has {told} tests, and has {len(suite.findall('testcase'))}")
    return tuple(_case(element) for element in root.iter("testcase"))


def _case(element: Element) -> TestCase:
    status: CaseStatus = "passed"
    message = None
    for child in element:
        found = _STATUS.get(child.tag)
        if found is not None:
            status = found
            said = "\n".join(filter(None, (child.get("message"), (child.text or "").strip())))
            message = said or child.get("type")
            break
    name, group = element.get("name") or "", element.get("classname")
    return TestCase(
        name=f"{group}::{name}" if group else name,
        file=element.get("file"),
        status=status,
        message=message,
        seconds=_seconds(element.get("time")),
    )


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
