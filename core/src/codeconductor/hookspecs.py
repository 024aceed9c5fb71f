"""The whole plugin contract: every hook that CodeConductor calls, and nothing else defines one.

A hookimpl has the name of its hookspec and any of its arguments, never others. In a usual run they fire in this order::

    conductor_settings             once, when plugins are loaded
    conductor_consensus_strategies, conductor_prompt_renderers
                                   before any model is asked, so that an unknown name costs nothing
    conductor_discover_models      every plugin at once
    conductor_model_weights        plugin by plugin
    conductor_sandboxes            when it is first asked whether code can be run
    conductor_query_model          once a model and sample, in parallel
    conductor_test_runners         when code is verified, before its tests run
    conductor_run_finished         when the prompt is written, or the run failed or was interrupted

and in a build, beside these::

    conductor_coders               before any model is asked, so that an unknown name costs nothing
    conductor_approve              plugin by plugin, before anything of a draft is run

Each plugin is called on its own: one that raises costs only what it would have given, and is named in one warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence

    from codeconductor.consensus import ConsensusStrategy
    from codeconductor.discovery import Model, Problem
    from codeconductor.dispatch import Chunk, Query
    from codeconductor.handover import Approval, ApprovalRequest, Coder
    from codeconductor.pipeline import Run
    from codeconductor.prompting import PromptRenderer
    from codeconductor.sandbox import Sandbox
    from codeconductor.session import Session
    from codeconductor.task import Task
    from codeconductor.verification import TestRunner

PROJECT = "codeconductor"
"""pluggy's project name, and the entry-point group that plugins are found in."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

COROUTINE_HOOKS = frozenset({"conductor_discover_models"})
"""The only hooks that a coroutine function may implement: elsewhere pluggy would take the coroutine for the result."""


@hookspec
async def conductor_discover_models(session: Session) -> Iterable[Model | Problem]:
    """Which models can be asked, here and now.

    A coroutine function; every plugin is asked at once, and a plugin asks its own hosts at once
    (``discover_hosts`` does that and keeps to the limit of 5 s a host). A task that runs for 3 s without waiting is
    interrupted. No other hook, no strategy and no renderer is: what blocks there keeps the person waiting.

    Example::

        @hookimpl
        async def conductor_discover_models(session):
            return [Model(provider="acme", name="parrot", host="memory:")]

    Args:
        session: Settings and HTTP clients of this invocation.

    Returns:
        Models, and a ``Problem`` for each host that could not be asked. Embedding models are listed with
        ``kind="embedding"`` and are never asked to write; models that run on somebody else's computer have
        ``remote=True`` and are asked only when named.

    Raises:
        ProviderError: When no host could be asked at all; it is listed as a problem of this plugin.
    """
    raise AssertionError("a hookspec is never called")


@hookspec(firstresult=True)
def conductor_query_model(session: Session, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
    """Ask one model once, and stream what it says.

    A plain ``def``, never ``async def``: it says at once whether the model is its own; all waiting happens inside the
    iterator that it gives back. It is called on the plugin that discovered the model, once, inside all wrappers. A
    cache, a rate limit, redaction and tracing are wrappers around this hook. A wrapper that raises fails the answers
    that it stands around, and is named in their errors: what redacts must not be passed over.

    Example::

        @hookimpl
        def conductor_query_model(session, model, query):
            if model.provider == "acme":
                return parrot(query)  # an async generator

    Args:
        session: Settings and HTTP clients of this invocation.
        model: As this plugin gave it from ``conductor_discover_models``.
        query: Messages and sampling settings for one sample.

    Returns:
        Chunks in order; the end of the iterator is the end of the answer. An empty first chunk says that the model is
        loaded and now generates. None: the model is not mine.

    Raises:
        ProviderError: From the iterator only, its ``kind`` one of the contract's. What was given before it is kept.
    """
    raise AssertionError("a hookspec is never called")


@hookspec
def conductor_consensus_strategies() -> Iterable[ConsensusStrategy]:
    """Strategies that decide which answer to trust; ``--strategy`` finds them by name.

    Example::

        class Longest:
            name = "longest"

            async def decide(self, task, answers, bench):
                best = max(answers, key=lambda answer: len(answer.text))
                return Consensus(outcome={"text": best.text}, agreement=1 / len(answers), choice=best)

        @hookimpl
        def conductor_consensus_strategies():
            return [Longest()]

    Returns:
        Objects with a ``name`` and ``decide`` (see ``ConsensusStrategy``), in any iterable. A name that another
        plugin brings too is an error that names both distributions.
    """
    raise AssertionError("a hookspec is never called")


@hookspec
def conductor_prompt_renderers() -> Iterable[PromptRenderer]:
    """Renderers that turn a consensus into the prompt for a coding agent; ``--renderer`` finds them by name.

    Example::

        class Plain:
            name = "plain"

            def render(self, task, consensus, limits):
                return f"{task.text}\\n\\n{consensus.outcome.get('text', '')}"

        @hookimpl
        def conductor_prompt_renderers():
            return [Plain()]

    Returns:
        Objects with a ``name`` and ``render`` (see ``PromptRenderer``), in any iterable.
    """
    raise AssertionError("a hookspec is never called")


@hookspec
def conductor_sandboxes() -> Iterable[Sandbox]:
    """Further ways to run code that models wrote, such as containers, beside core's own.

    Before a sandbox is used it is attacked, once in a process: what gets through lowers its strength, whatever it
    claims. The strongest that works is taken, core's own first among equals.

    Example::

        class NsJail:
            name = "nsjail"
            strength = "strong"
            missing = ()
            remedy = "install nsjail"

            def command(self, payload):
                read = [word for path in payload.paths for word in ("--bindmount_ro", str(path))]
                kept = ["--keep_env", "--pass_fd", str(payload.control), "--bindmount", str(payload.folder)]
                started = inside_command(payload, filtered=True, namespaces=True)
                return ["nsjail", "--mode", "o", "--really_quiet", *read, *kept, "--", *started]

        @hookimpl
        def conductor_sandboxes():
            return [NsJail()]

    Returns:
        Objects with a ``name``, a ``strength``, what is ``missing``, a ``remedy``, and ``command`` (see ``Sandbox``),
        in any iterable.
    """
    raise AssertionError("a hookspec is never called")


@hookspec
def conductor_test_runners() -> Iterable[TestRunner]:
    """Who can run the tests of a language; the one that fits a folder best is taken, ``--runner`` finds one by name.

    Example::

        class Make:
            name = "make"

            def fits(self, folder, session):
                return 1 if (folder / "Makefile").is_file() else None

            async def run_tests(self, bench):
                ended = await bench.run(["make", "test"])
                status = "passed" if ended.status == 0 else "failed"
                return TestRun(cases=[TestCase(name="make test", status=status)])

        @hookimpl
        def conductor_test_runners():
            return [Make()]

    Returns:
        Objects with a ``name``, ``fits`` and ``run_tests`` (see ``TestRunner``), in any iterable.
    """
    raise AssertionError("a hookspec is never called")


@hookspec
def conductor_settings() -> tuple[str, type] | Iterable[tuple[str, type]]:
    """The plugin's own settings table: its name, and the attrs class that describes it.

    The table of a plugin that discovers models stands under ``[providers.NAME]``, that of any other plugin under
    ``[NAME]``; ``session.settings(NAME, CLASS)`` gives it. Fields made with ``setting(needs_trust=True)`` are ignored
    in a project's file until its owner trusts that file.

    Example::

        @attrs.frozen
        class AcmeSettings:
            voice: str = "loud"

        @hookimpl
        def conductor_settings():
            return "acme", AcmeSettings

    Returns:
        One pair of name and class, or several.
    """
    raise AssertionError("a hookspec is never called")


@hookspec
def conductor_model_weights(session: Session, task: Task, models: Sequence[Model]) -> Mapping[str, float] | None:
    """How much each model's vote should count for this task.

    Asked plugin by plugin; where several know a model, the first plugin by name wins. A model that nobody knows has
    the weight 1.

    Args:
        session: Settings and clients of this invocation.
        task: What the models are asked.
        models: The models that are asked.

    Returns:
        Weight by model id, each a finite number ≥ 0, for as many models as are known; None: no opinion.
    """
    raise AssertionError("a hookspec is never called")


@hookspec
def conductor_coders(session: Session) -> Iterable[Coder]:
    """Who can write code from a prompt; ``--coder`` finds them by name.

    A coder changes files in a copy of the user's folder. What it has achieved is measured from that copy, and not taken
    from its words. One that sends prompts or files to other computers says so in ``sends``.

    Example::

        class Stamp:
            name = "stamp"

            async def write(self, session, assignment):
                (assignment.folder / "PROMPT.md").write_text(assignment.prompt)
                return Written()

        @hookimpl
        def conductor_coders(session):
            return [Stamp()]

    Args:
        session: Settings of this invocation, which may name coders.

    Returns:
        Objects with a ``name`` and ``write`` (see ``Coder``), in any iterable.
    """
    raise AssertionError("a hookspec is never called")


@hookspec
def conductor_approve(session: Session, request: ApprovalRequest) -> Awaitable[Approval | None] | None:
    """Ask a person whether changes that a coder made may be run and, once their tests pass, applied.

    Asked plugin by plugin in the order of their names, the terminal last; the first that decides is heard. Where nobody
    does, nothing is run.

    Example::

        @hookimpl
        def conductor_approve(session, request):
            async def ask():
                said = await a_web_page(request.draft.diff)
                decision = "approved" if said == "yes" else "rejected"
                return Approval(decision=decision, by="web", sha256=request.draft.sha256)

            return ask()

    Args:
        session: Settings and clients of this invocation.
        request: The diff, what deserves a second look, and how sure the models were.

    Returns:
        What gives the decision when it is awaited, its ``sha256`` that of the diff that was shown (where ``paths``
        are given, of all of it or of theirs alone); None, at once or from the awaitable: nobody is there to be asked.
    """
    raise AssertionError("a hookspec is never called")


@hookspec
def conductor_run_finished(session: Session, run: Run) -> None:
    """A run has ended, well or badly; for history, tracing and audit.

    Called plugin by plugin in the order of their names, the history last.

    Args:
        session: Settings and clients of this invocation.
        run: All that is known of the run; ``run.error`` tells what stopped it, None when nothing did.
    """
    raise AssertionError("a hookspec is never called")
