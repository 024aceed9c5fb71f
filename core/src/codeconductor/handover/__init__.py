"""Prompt ─▶ **coder** ─▶ verification: a coder writes into a copy, we measure what it did, a person says yes or no."""

from __future__ import annotations

from codeconductor.handover.applying import apply, conflicts, recover
from codeconductor.handover.choosing import check_coder, find_coder, known_coders
from codeconductor.handover.concerns import concerns, configures_tests, guarded, is_given, is_test, plugins_of_pytest
from codeconductor.handover.copying import Copied, copy_folder, largest_copy
from codeconductor.handover.diffing import diff_of
from codeconductor.handover.drafting import ignoring, in_the_way, leads_outside, make_draft, only, read_state
from codeconductor.handover.paths import refused_path
from codeconductor.handover.staging import stages
from codeconductor.handover.values import (
    Approval,
    ApprovalRequest,
    Assignment,
    Coder,
    Concern,
    Draft,
    FileChange,
    FileState,
    Written,
)

__all__ = [
    "Approval",
    "ApprovalRequest",
    "Assignment",
    "Coder",
    "Concern",
    "Copied",
    "Draft",
    "FileChange",
    "FileState",
    "Written",
    "apply",
    "check_coder",
    "concerns",
    "configures_tests",
    "conflicts",
    "copy_folder",
    "diff_of",
    "find_coder",
    "guarded",
    "ignoring",
    "in_the_way",
    "is_given",
    "is_test",
    "known_coders",
    "largest_copy",
    "leads_outside",
    "make_draft",
    "only",
    "plugins_of_pytest",
    "read_state",
    "recover",
    "refused_path",
    "stages",
]
