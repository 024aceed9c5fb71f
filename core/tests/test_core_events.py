"""Events reach every listener in order, and no listener disturbs what it listens to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor.events import Event, Events, Warned
from codeconductor.testing import record_events

if TYPE_CHECKING:
    from codeconductor import Session


def test_every_listener_hears_every_event_in_order() -> None:
    """Who came first is told first; who came later hears only what comes later."""
    events, heard = Events(), list[tuple[str, Event]]()
    events.subscribe(lambda event: heard.append(("first", event)))
    events.emit(Warned("one"))
    events.subscribe(lambda event: heard.append(("second", event)))
    events.emit(Warned("two"))
    assert heard == [("first", Warned("one")), ("first", Warned("two")), ("second", Warned("two"))]


def test_a_listener_that_raises_is_dropped_and_named() -> None:
    """The others hear the event, and why the one is gone; it is not asked again."""
    events, heard, calls = Events(), list[Event](), list[int]()

    def faulty(event: Event) -> None:
        calls.append(1)
        raise ValueError("cannot draw")

    events.subscribe(faulty)
    events.subscribe(heard.append)
    events.emit(Warned("one"))
    events.emit(Warned("two"))
    assert calls == [1]
    assert heard[1:] == [Warned("one"), Warned("two")]
    assert isinstance(heard[0], Warned)
    assert "faulty no longer listens: ValueError: cannot draw" in heard[0].message


def test_listeners_that_raise_at_the_same_event_are_each_dropped_once() -> None:
    """Also one that is told of the other's fault in the midst of it."""
    events, calls = Events(), list[str]()

    def one(event: Event) -> None:
        calls.append("one")
        raise ValueError("cannot draw")

    def other(event: Event) -> None:
        calls.append("other")
        raise ValueError("cannot write")

    events.subscribe(one)
    events.subscribe(other)
    events.emit(Warned("one"))
    assert calls == ["one", "other"]


def test_that_a_listener_was_dropped_is_a_warning_of_the_session(session: Session) -> None:
    """It is in the run's warnings as on the screen."""
    log = record_events(session)

    def faulty(event: Event) -> None:
        raise ValueError("cannot draw")

    session.events.subscribe(faulty)
    session.warn("a")
    assert [warning.rpartition("faulty ")[2] for warning in session.warnings] == [
        "a",
        "no longer listens: ValueError: cannot draw",
    ]
    assert log.of(Warned) == [Warned(warning) for warning in session.warnings]


def test_a_warning_is_said_once(session: Session) -> None:
    """The same words twice are noise; they are kept in order."""
    log = record_events(session)
    for message in ("b", "a", "b"):
        session.warn(message)
    assert session.warnings == ["b", "a"]
    assert log.of(Warned) == [Warned("b"), Warned("a")]
