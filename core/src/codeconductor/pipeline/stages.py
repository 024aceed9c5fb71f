"""`conduct`: the stages one after the other, each given what the one before has made."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import attrs

from codeconductor.consensus import Earlier, candidates, collect_weights, decide, find_strategy, learn, settling
from codeconductor.discovery import discover, in_reach, known_providers, matches, nearest_model, to_ask
from codeconductor.dispatch import Answer, Limits, dispatch, is_small, question
from codeconductor.errors import ConductorError, LowConfidenceError, NoModelError, unknown_name
from codeconductor.events import RunStarted
from codeconductor.pipeline.bench import SessionBench
from codeconductor.pipeline.run import Run
from codeconductor.prompting import PromptLimits, check_renderer, render
from codeconductor.settings import LARGEST_SEED, PromptSettings, RunSettings
from codeconductor.task import Project, Task, read_context, read_project, read_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codeconductor.consensus import Consensus
    from codeconductor.discovery import Discovery, Model
    from codeconductor.dispatch import Chunk, Query
    from codeconductor.session import Session

_SAMPLES_ALONE = 5
"""Answers of a single model: enough for a vote among its own samples."""

_TEMPERATURE_OF_SAMPLES = 0.7
"""Where several samples of a model are taken and nobody says otherwise: they have to differ."""


_LONGEST_WISH = 2**14
"""Characters of a conversation's last wish that are looked at, to tell what it is about."""

_NAMED = 3
"""Models that an error message names at most."""


def make_task(session: Session, text: str, context: Sequence[str] = ()) -> Task:
    """The task of a user's words, with the facts of the project and the files that they name.

    Args:
        text: As typed or read.
        context: Paths of files and folders; ``"-"`` is standard input.

    Raises:
        InputError: The task is empty or too long; a path does not exist or cannot be read.
    """
    settings = session.settings("run", RunSettings)
    return read_task(
        text,
        kind=settings.kind,
        language=settings.language,
        context=read_context(context, session.root, session.warn),
        project=read_project(session.root, session.settings("prompt", PromptSettings)),
    )


def make_conversation(session: Session, query: Query) -> Task:
    """The task of a conversation, which is passed on to the models as it stands.

    Its text, by which its kind and language are told, is the beginning of the last thing that the user said. Where the
    query has tools it is a ``call``, and whether to call is decided too.

    Args:
        session: Of the invocation; files and facts of its project are not added.
        query: Messages, tools and sampling settings; what it leaves open is filled in for each model.
    """
    said = (message.content.strip() for message in reversed(query.messages) if message.role == "user")
    text = next(filter(None, said), "(no words)")[:_LONGEST_WISH]
    task = read_task(text, project=Project(root=session.root))
    if query.tools:
        return attrs.evolve(task, kind="call", functions=query.tools, query=query)
    return attrs.evolve(task, query=query)


async def ask(session: Session, model: Model, query: Query, *, heard: Callable[[Chunk], None] | None = None) -> Answer:
    """Ask one model once, within the limits of the session's table ``run``; a failure is an answer with an `error`.

    Args:
        session: Of the invocation.
        model: As discovery gave it.
        query: What to ask.
        heard: Told of each piece of the answer as it arrives.
    """
    settings = session.settings("run", RunSettings)
    limits = Limits(timeout=settings.timeout, load_timeout=settings.load_timeout)
    async with dispatch(session, [model], query, limits=limits, heard=heard) as arrivals:
        return await anext(arrivals)


async def conduct(
    session: Session,
    task: Task,
    *,
    command: str = "run",
    id: str | None = None,
    found: Discovery | None = None,
    writes_prompt: bool = True,
) -> Run:
    """Ask the models, decide between their answers, and write the prompt.

    Args:
        session: Settings, plugins and clients.
        task: What the models are asked.
        command: Named in the history.
        id: Of the run; None: a new one.

    What a stage refuses ends the run and becomes its `error`; what came before it is kept. Settings are those of the
    session's table ``run``.

    Args:
        session: Of this invocation, or its branch where several runs go on at once.
        task: What is wanted.
        command: By which it was started.
        found: What discovery has found; None: it is done now.
        writes_prompt: Whether a prompt is wanted.

    Raises:
        InputError: A strategy, renderer or template of that name does not exist; nothing was asked or recorded.
    """
    settings = session.settings("run", RunSettings)
    find_strategy(session, settings.strategy)
    prompt_limits = _prompt_limits(session, settings)
    if writes_prompt:
        check_renderer(session, task, renderer=settings.renderer, limits=prompt_limits)
    run = Run(task=task, command=command) if id is None else Run(task=task, command=command, id=id)
    answers: list[Answer] = []
    began = time.perf_counter()
    try:
        found = found or await discover(session)
        models = _chosen(session, found, settings)
        run = attrs.evolve(run, models=tuple(models), problems=found.problems)
        session.events.emit(RunStarted(run))
        for problem in found.problems:
            if problem.host is None:  # the plugin itself, not a server that happens not to run
                session.warn(f"plugin {problem.provider!r} lists no models: {problem.error}")
        limits = Limits(timeout=settings.timeout, load_timeout=settings.load_timeout)
        seed = settings.seed if settings.seed is not None else random.randrange(LARGEST_SEED)  # noqa: S311 - no secret
        record = learn(Earlier(), [model.id for model in models], task.kind)
        weights = collect_weights(session, task, models, record)
        askable = in_reach(found.models, models)
        bench = SessionBench(session, weights=weights, seed=seed, limits=limits, record=record, models=askable)
        await _ask(session, task, models, settings, limits, bench, answers)
        consensus = await decide(session, task, answers, bench, strategy=settings.strategy)
        run = attrs.evolve(run, consensus=consensus)
        if writes_prompt:
            prompt = render(session, task, consensus, renderer=settings.renderer, limits=prompt_limits)
            run = attrs.evolve(run, prompt=prompt)
        run = attrs.evolve(run, status="finished", error=_too_low(settings, consensus))
    except ConductorError as exc:
        run = attrs.evolve(run, status="failed", error=exc)
    except (asyncio.CancelledError, KeyboardInterrupt):
        run = attrs.evolve(run, status="interrupted")
        raise
    except BaseException:
        run = attrs.evolve(run, status="failed")
        raise
    finally:
        order = {model.id: position for position, model in enumerate(run.models)}
        answers.sort(key=lambda answer: (order[answer.model.id], answer.sample))
        seconds = time.perf_counter() - began
        run = attrs.evolve(run, answers=tuple(answers), warnings=tuple(session.warnings), seconds=seconds)
        session.plugins.run_finished(session, run)
    return attrs.evolve(run, warnings=tuple(session.warnings))  # a plugin may fail while it is told


def _prompt_limits(session: Session, settings: RunSettings) -> PromptLimits:
    """A path in the project's file was judged against the project's folder, and leads elsewhere from any other."""
    project = session.sources.project_layer
    origin = session.table("run", RunSettings).origins.get("template")
    is_projects = project is not None and origin is not None and origin.layer == project.name
    return PromptLimits(
        max_tokens=settings.max_tokens_prompt,
        template=settings.template,
        template_root=session.root if is_projects else None,
    )


async def _ask(
    session: Session,
    task: Task,
    models: Sequence[Model],
    settings: RunSettings,
    limits: Limits,
    bench: SessionBench,
    answers: list[Answer],
) -> None:
    """Fill `answers`, until all are in, the quorum is reached, or the strategy is settled."""
    samples = settings.samples
    if samples == "auto":
        samples = _SAMPLES_ALONE if len(models) == 1 else 1
    temperature = settings.temperature
    if temperature is None and samples > 1:
        temperature = _TEMPERATURE_OF_SAMPLES

    is_settled = settling(session, task, bench, settings.strategy)
    with ExitStack() as exits:
        async with dispatch(
            session,
            models,
            lambda model: question(task, model, temperature=temperature, seed=bench.seed),
            samples=samples,
            limits=limits,
            enough=settings.quorum,
        ) as arrivals:
            exits.callback(lambda: answers.extend(arrivals.rest))  # however the waiting ends
            async for answer in arrivals:
                answers.append(answer)
                if not arrivals.pending:
                    break
                usable = candidates(task, answers)
                if settings.quorum is not None and len(usable) >= settings.quorum:
                    break
                if not usable:
                    continue
                # in a thread: a strategy may import what it needs, and try the sandboxes, while other answers stream in
                if await asyncio.to_thread(is_settled, usable, arrivals.pending):
                    break


def _chosen(session: Session, found: Discovery, settings: RunSettings) -> list[Model]:
    """The models to ask.

    Raises:
        InputError: A provider that was named does not exist.
        NoModelError: Nothing is reachable, or nothing matches; the message says which.
    """
    known = known_providers(session, found)
    for provider in settings.providers:
        if provider not in known:
            raise unknown_name("provider", provider, known)
    models = to_ask(session, found.models)
    chat = [model for model in found.models if model.kind == "chat"]
    if models:
        for pattern in settings.models:
            if not any(matches(model, pattern) for model in chat):
                close = nearest_model(pattern, chat)
                session.warn(f"no model matches {pattern!r}{f': did you mean {close!r}?' if close else ''}")
        if all(model.offer == "fallback" for model in models) and not (settings.models or settings.providers):
            small = all(map(is_small, models))
            session.warn(
                f"no model server is running: asking {', '.join(model.id for model in models)}, "
                f"{'a small' if small else 'the'} built-in model{', for a first look' if small else ''}; "
                "start Ollama (ollama serve) or LM Studio (lms server start) for better answers"
            )
        return models
    if chat and (settings.models or settings.providers):
        close = next((match for pattern in settings.models if (match := nearest_model(pattern, chat))), None)
        hint = f"did you mean {close!r}?" if close else "`conductor models` lists what can be asked"
        named = [
            problem for problem in found.problems if problem.provider in settings.providers or problem.offer == "named"
        ]
        hints = [problem.hint for problem in named if problem.hint]
        raise NoModelError(
            _unmatched(settings) + "".join(f"; {problem.provider}: {problem.error}" for problem in named),
            hint="; ".join(dict.fromkeys(hints)) if hints and not close else hint,
        )
    reasons = "; ".join(f"{problem.provider}: {problem.error}" for problem in found.problems)
    hints = [problem.hint for problem in found.problems if problem.hint]
    if found.models and not chat:  # such as LM Studio's, which comes with one
        only = ", ".join(model.id for model in found.models[:_NAMED])
        reasons = "; ".join(filter(None, (f"{only} cannot chat", reasons)))
        hints.insert(0, "get a model that can, with `ollama pull` or `lms get`")
    if any(model.remote for model in found.models):
        hints.insert(0, "models on somebody else's computer are asked only when named with --model")
    raise NoModelError(
        "no model could be found" + (f" ({reasons})" if reasons else ""),
        hint="; ".join(dict.fromkeys(hints)) or "start Ollama (ollama serve) or LM Studio (lms server start)",
    )


def _unmatched(settings: RunSettings) -> str:
    patterns = " or ".join(map(repr, settings.models))
    providers = f" of {' or '.join(settings.providers)}" if settings.providers else ""
    return f"no model{providers} matches {patterns}" if patterns else f"no model{providers} can be asked"


def _too_low(settings: RunSettings, consensus: Consensus) -> LowConfidenceError | None:
    """Less than was asked for; where nothing calibrates it, the agreement is taken, and said to be no probability."""
    if settings.min_confidence is None or consensus.confidence >= settings.min_confidence:
        return None
    word = "confidence" if consensus.calibrated else "agreement, which no calibration turns into a probability here,"
    return LowConfidenceError(
        f"the {word} is {consensus.confidence:.2f}, less than the {settings.min_confidence:g} that was asked for",
        hint="ask more models or take more --samples, or lower --min-confidence",
    )
