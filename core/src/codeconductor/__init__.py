"""CodeConductor: several local models, one coding task, and a prompt that they agreed on.

This is the front door: plugins import from here alone. Names are resolved when they are first used (PEP 562), so that
`conductor --help` imports none of what stands behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeconductor.cli.options import common_options
    from codeconductor.cli.run import conduct_and_print
    from codeconductor.consensus import (
        Bench,
        Consensus,
        ConsensusStrategy,
        Disagreement,
        FieldConsensus,
        Option,
        Tally,
        TrackRecord,
        Witness,
        WitnessOption,
        decide,
        family_of,
        posteriors,
    )
    from codeconductor.consensus.choosing import consensus_on, family_votes
    from codeconductor.consensus.likeness import likeness, token_pairs
    from codeconductor.consensus.shapes import answer_shape, parse_python, program_shape
    from codeconductor.converters import consensus_document, from_reply, run_document, to_plain
    from codeconductor.discovery import (
        Discovery,
        Model,
        Problem,
        discover,
        discover_hosts,
        matches,
    )
    from codeconductor.dispatch import (
        Answer,
        Chunk,
        CodeBlock,
        Failure,
        Message,
        Query,
        Reply,
        ToolCall,
        Usage,
        estimate_tokens,
        fence_for,
        is_small,
        read_reply,
        split_reasoning,
        stream_openai_chat,
    )
    from codeconductor.errors import (
        ConductorError,
        InputError,
        ProviderError,
        nearest,
        unknown_name,
    )
    from codeconductor.handover import (
        Approval,
        ApprovalRequest,
        Assignment,
        Coder,
        Concern,
        Draft,
        FileChange,
        FileState,
        Written,
        refused_path,
    )
    from codeconductor.hookspecs import hookimpl
    from codeconductor.http import (
        checked,
        fault_in_reply,
        http_faults,
        is_loopback,
        json_lines,
        json_object,
        open_stream,
        request_json,
        server_events,
    )
    from codeconductor.pipeline import Run, conduct, make_task
    from codeconductor.prompting import (
        Prompt,
        PromptLimits,
        PromptRenderer,
        Template,
        render,
    )
    from codeconductor.sandbox import Ended, Outcome, Payload, Sandbox, inside_command, interpreter
    from codeconductor.session import Session
    from codeconductor.settings import (
        PromptSettings,
        RunSettings,
        config_folder,
        data_folder,
        hosts_setting,
        setting,
    )
    from codeconductor.task import (
        ContextFile,
        Example,
        Project,
        Task,
        TaskKind,
        TaskStyle,
        read_context,
        read_project,
        read_task,
    )
    from codeconductor.verification import TestBench, TestCase, TestReport, TestRun, TestRunner, cases_of_junit, verify

__version__ = "0.1.0"

_HOMES = {
    "codeconductor.cli.options": ("common_options",),
    "codeconductor.cli.run": ("conduct_and_print",),
    "codeconductor.errors": (
        "ConductorError",
        "InputError",
        "ProviderError",
        "nearest",
        "unknown_name",
    ),
    "codeconductor.settings": (
        "PromptSettings",
        "RunSettings",
        "config_folder",
        "data_folder",
        "hosts_setting",
        "setting",
    ),
    "codeconductor.converters": (
        "consensus_document",
        "from_reply",
        "run_document",
        "to_plain",
    ),
    "codeconductor.http": (
        "checked",
        "fault_in_reply",
        "http_faults",
        "is_loopback",
        "json_lines",
        "json_object",
        "open_stream",
        "open_stream",
        "request_json",
        "server_events",
    ),
    "codeconductor.handover": (
        "Approval",
        "ApprovalRequest",
        "Assignment",
        "Coder",
        "Concern",
        "Draft",
        "FileChange",
        "FileState",
        "Written",
        "refused_path",
    ),
    "codeconductor.hookspecs": ("hookimpl",),
    "codeconductor.sandbox": (
        "Ended",
        "Outcome",
        "Payload",
        "Sandbox",
        "inside_command",
        "interpreter",
    ),
    "codeconductor.session": ("Session",),
    "codeconductor.task": (
        "ContextFile",
        "Example",
        "Project",
        "Task",
        "TaskKind",
        "TaskStyle",
        "read_context",
        "read_project",
        "read_task",
    ),
    "codeconductor.discovery": (
        "Discovery",
        "Model",
        "Problem",
        "discover",
        "discover_hosts",
        "matches",
    ),
    "codeconductor.dispatch": (
        "Answer",
        "Chunk",
        "CodeBlock",
        "Failure",
        "Message",
        "Query",
        "Reply",
        "ToolCall",
        "Usage",
        "estimate_tokens",
        "fence_for",
        "is_small",
        "read_reply",
        "split_reasoning",
        "stream_openai_chat",
    ),
    "codeconductor.consensus": (
        "Bench",
        "Consensus",
        "ConsensusStrategy",
        "Disagreement",
        "FieldConsensus",
        "Option",
        "Tally",
        "TrackRecord",
        "Witness",
        "WitnessOption",
        "decide",
        "family_of",
        "posteriors",
    ),
    "codeconductor.consensus.choosing": ("consensus_on", "family_votes"),
    "codeconductor.consensus.likeness": ("likeness", "token_pairs"),
    "codeconductor.consensus.shapes": ("answer_shape", "parse_python", "program_shape"),
    "codeconductor.prompting": (
        "Prompt",
        "PromptLimits",
        "PromptRenderer",
        "Template",
        "render",
    ),
    "codeconductor.pipeline": (
        "Run",
        "conduct",
        "make_task",
    ),
    "codeconductor.verification": (
        "TestBench",
        "TestCase",
        "TestReport",
        "TestRun",
        "TestRunner",
        "cases_of_junit",
        "verify",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "Approval",
    "ApprovalRequest",
    "Assignment",
    "Bench",
    "Chunk",
    "CodeBlock",
    "Coder",
    "Concern",
    "ConductorError",
    "Consensus",
    "ConsensusStrategy",
    "ContextFile",
    "Disagreement",
    "Discovery",
    "Draft",
    "Ended",
    "Example",
    "Failure",
    "FieldConsensus",
    "FileChange",
    "FileState",
    "InputError",
    "Message",
    "Model",
    "Option",
    "Outcome",
    "Payload",
    "Problem",
    "Project",
    "Prompt",
    "PromptLimits",
    "PromptRenderer",
    "PromptSettings",
    "ProviderError",
    "Query",
    "Reply",
    "Run",
    "RunSettings",
    "Sandbox",
    "Session",
    "Tally",
    "Task",
    "TaskKind",
    "TaskStyle",
    "Template",
    "TestBench",
    "TestCase",
    "TestReport",
    "TestRun",
    "TestRunner",
    "ToolCall",
    "TrackRecord",
    "Usage",
    "Witness",
    "WitnessOption",
    "Written",
    "__version__",
    "answer_shape",
    "cases_of_junit",
    "checked",
    "common_options",
    "conduct",
    "conduct_and_print",
    "config_folder",
    "consensus_document",
    "consensus_on",
    "data_folder",
    "decide",
    "discover",
    "discover_hosts",
    "estimate_tokens",
    "family_of",
    "family_votes",
    "fault_in_reply",
    "fence_for",
    "from_reply",
    "hookimpl",
    "hosts_setting",
    "http_faults",
    "inside_command",
    "interpreter",
    "is_loopback",
    "is_small",
    "json_lines",
    "json_object",
    "likeness",
    "make_task",
    "matches",
    "nearest",
    "open_stream",
    "parse_python",
    "posteriors",
    "program_shape",
    "read_context",
    "read_project",
    "read_reply",
    "read_task",
    "refused_path",
    "render",
    "request_json",
    "run_document",
    "server_events",
    "setting",
    "split_reasoning",
    "stream_openai_chat",
    "to_plain",
    "token_pairs",
    "unknown_name",
    "verify",
]


def __getattr__(name: str) -> object:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
