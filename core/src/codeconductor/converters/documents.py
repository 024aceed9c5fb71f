"""Values as plain data, and the `--json` documents.

The values are described by their attributes alone: no stage's class is imported here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codeconductor.consensus import Consensus
    from codeconductor.discovery import Model, Problem
    from codeconductor.dispatch import Answer
    from codeconductor.pipeline import Run
    from codeconductor.pipeline.building import Build, Round
    from codeconductor.verification import TestReport


def to_plain(value: object) -> Any:
    """A value as plain data that JSON can hold: attrs classes as dicts, sets sorted, NaN as None, others as text."""
    if attrs.has(type(value)):
        return {field.name: to_plain(getattr(value, field.name)) for field in attrs.fields(type(value))}  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(map(to_plain, value))
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def model_document(model: Model) -> dict[str, Any]:
    """A model as in ``conductor.models/1``."""
    return {
        "id": model.id,
        "provider": model.provider,
        "name": model.name,
        "host": model.host,
        "server": model.server,
        "kind": model.kind,
        "loaded": model.loaded,
        "remote": model.remote,
        "context_length": model.context_length,
        "max_context_length": model.max_context_length,
        "size": model.size,
        "parameters": model.parameters,
        "quantization": model.quantization,
        "capabilities": sorted(model.capabilities),
        "memory": model.memory,
    }


def models_document(models: Iterable[Model], problems: Iterable[Problem]) -> dict[str, Any]:
    """The document ``conductor.models/1``."""
    return {
        "schema": "conductor.models/1",
        "models": [model_document(model) for model in models],
        "problems": [
            {"provider": problem.provider, "host": problem.host, "error": problem.error, "hint": problem.hint}
            for problem in problems
        ],
    }


def answer_document(answer: Answer) -> dict[str, Any]:
    """An answer as in ``conductor.run/1``."""
    return {
        "model": answer.model.id,
        "sample": answer.sample,
        "text": answer.text,
        "reasoning": answer.reasoning,
        "data": to_plain(answer.data),
        "code": [to_plain(block) for block in answer.code],
        "tool_calls": [to_plain(call) for call in answer.tool_calls],
        "finish_reason": answer.finish_reason,
        "error": to_plain(answer.error),
        "prompt_cut": answer.prompt_cut,
        "seconds": answer.seconds,
        "first_token_seconds": answer.first_token_seconds,
        "load_seconds": answer.load_seconds,
        "prompt_tokens": answer.usage.prompt_tokens,
        "completion_tokens": answer.usage.completion_tokens,
    }


def consensus_document(consensus: Consensus) -> dict[str, Any]:
    """A consensus as in ``conductor.run/1``; templates see it in this form too."""
    choice = consensus.choice
    return {
        "strategy": consensus.strategy,
        "confidence": consensus.confidence,
        "calibrated": consensus.calibrated,
        "agreement": consensus.agreement,
        "signals": dict(consensus.signals),
        "outcome": to_plain(dict(consensus.outcome)),
        "fields": [to_plain(field) for field in consensus.fields],
        "disagreements": [to_plain(disagreement) for disagreement in consensus.disagreements],
        "choice": None if choice is None else {"model": choice.model.id, "sample": choice.sample},
        "witness": to_plain(consensus.witness),
        "advice": consensus.advice,
        "weights": dict(consensus.weights),
        "explanation": consensus.explanation,
    }


def decision_document(
    task_id: str, kind: str, consensus: Consensus | None, error: str | None = None, *, least: float | None = None
) -> dict[str, Any]:
    """The document ``conductor.decision/1``.

    Args:
        task_id: As in TASKS.
        kind: Of the task.
        consensus: None where nothing was decided; `error` then says why.
        error: None where something was decided.
        least: Confidence below which it counts as an abstention; None: any is enough.
    """
    decided = {} if consensus is None else consensus_document(consensus)
    choice = None if consensus is None else consensus.choice
    return {
        "schema": "conductor.decision/1",
        "task_id": task_id,
        "kind": kind,
        "strategy": decided.get("strategy"),
        "confidence": decided.get("confidence", 0.0),
        "calibrated": decided.get("calibrated", False),
        "abstained": consensus is not None and least is not None and consensus.confidence < least,
        "agreement": decided.get("agreement", 0.0),
        "signals": decided.get("signals", {}),
        "choice": None if choice is None else {"model": choice.model.name, "sample": choice.sample},
        "outcome": decided.get("outcome"),
        "support": decided.get("fields", []),
        "disagreements": decided.get("disagreements", []),
        "witness": decided.get("witness"),
        "advice": decided.get("advice"),
        "explanation": decided.get("explanation", ""),
        "error": error,
    }


def run_document(run: Run) -> dict[str, Any]:
    """The document ``conductor.run/1``."""
    prompt = run.prompt
    return {
        "schema": "conductor.run/1",
        "id": run.id,
        "started": run.started.isoformat(),
        "seconds": run.seconds,
        "task": {"text": run.task.text, "kind": run.task.kind, "language": run.task.language},
        "models": [model.id for model in run.models],
        "answers": [answer_document(answer) for answer in run.answers],
        "consensus": None if run.consensus is None else consensus_document(run.consensus),
        "prompt": None
        if prompt is None
        else {"text": prompt.text, "renderer": prompt.renderer, "template": prompt.template, "tokens": prompt.tokens},
        "warnings": list(run.warnings),
    }


def build_document(build: Build) -> dict[str, Any]:
    """The document ``conductor.build/1``."""
    return {
        "schema": "conductor.build/1",
        "id": build.id,
        "started": build.started.isoformat(),
        "task": build.plan.text,
        "folder": build.plan.folder,
        "run": None if build.run is None else dict(build.run),
        "coder": build.plan.coder,
        "tests": None if build.tests is None else _round_document(build.tests),
        "rounds": [_round_document(one) for one in build.rounds],
        "outcome": build.outcome,
        "warnings": list(build.warnings),
        "applied": build.applied,
        "patch": build.patch,
    }


def _round_document(one: Round) -> dict[str, Any]:
    approval = one.approval
    return {
        "round": one.round,
        "files": [{"path": path, "action": action} for path, action in one.files],
        "diff": one.diff,
        "approval": {
            "decision": approval.decision,
            "by": approval.by,
            "edited": approval.edited,
            "reason": approval.reason,
            "sha256": approval.sha256,
            "approved_sha256": approval.approved_sha256,
            "named": sorted(approval.named),
        },
        "verification": None if one.verification is None else dict(one.verification),
        "error": to_plain(one.error),
        "model": one.model,
        "kept": None if one.kept is None else list(one.kept),
        "chosen": one.chosen,
        "output": one.output,
    }


def verification_document(report: TestReport) -> dict[str, Any]:
    """The document ``conductor.verification/1``."""
    return {
        "schema": "conductor.verification/1",
        "runner": report.runner,
        "sandbox": to_plain(report.sandbox),
        "green": report.is_green,
        "passed": report.passed,
        "failed": report.failed,
        "errors": report.errors,
        "skipped": report.skipped,
        "seconds": report.seconds,
        "timed_out": report.timed_out,
        "fault": report.fault,
        "cases": [to_plain(case) for case in report.cases],
        "output_tail": report.output_tail,
        "warnings": list(report.warnings),
    }
