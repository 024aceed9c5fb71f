"""The first value of the flow: what is asked, in the user's words, with its files and the facts of the project."""

from __future__ import annotations

from codeconductor.task.context import ContextFile, read_context
from codeconductor.task.project import Project, read_project
from codeconductor.task.task import KINDS, Example, Task, TaskKind, TaskStyle, read_task

__all__ = [
    "KINDS",
    "ContextFile",
    "Example",
    "Project",
    "Task",
    "TaskKind",
    "TaskStyle",
    "read_context",
    "read_project",
    "read_task",
]
