"""Discovery ─▶ **dispatch** ─▶ consensus: asks every model at once, and gives the answers in order of arrival."""

from __future__ import annotations

from codeconductor.dispatch.context import estimate_tokens
from codeconductor.dispatch.dispatcher import Arrivals, dispatch
from codeconductor.dispatch.openai_chat import stream_openai_chat
from codeconductor.dispatch.question import PROPOSAL_SCHEMA, fence_for, is_small, question
from codeconductor.dispatch.reasoning import split_reasoning
from codeconductor.dispatch.reception import is_same_model
from codeconductor.dispatch.replies import Reply, read_reply
from codeconductor.dispatch.request import Limits
from codeconductor.dispatch.values import Answer, Chunk, CodeBlock, Failure, Message, Query, ToolCall, Usage

__all__ = [
    "PROPOSAL_SCHEMA",
    "Answer",
    "Arrivals",
    "Chunk",
    "CodeBlock",
    "Failure",
    "Limits",
    "Message",
    "Query",
    "Reply",
    "ToolCall",
    "Usage",
    "dispatch",
    "estimate_tokens",
    "fence_for",
    "is_same_model",
    "is_small",
    "question",
    "read_reply",
    "split_reasoning",
    "stream_openai_chat",
]
