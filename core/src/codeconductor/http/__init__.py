"""HTTP to model servers: the only module that imports the HTTP library, so proxies and certificates are settled here.

A client belongs to one host. A loopback host is never reached through a proxy, whatever the environment says;
redirects are never followed; a host without TLS costs no TLS context.
"""

from __future__ import annotations

from codeconductor.http.client import is_loopback, open_client
from codeconductor.http.faults import beginning_of, checked, fault_in_reply, fault_of_status, http_faults
from codeconductor.http.lines import MAX_LINE, json_lines, json_object, lines, server_events, text_or_events, whole_body
from codeconductor.http.requests import open_stream, request_json

__all__ = [
    "MAX_LINE",
    "beginning_of",
    "checked",
    "fault_in_reply",
    "fault_of_status",
    "http_faults",
    "is_loopback",
    "json_lines",
    "json_object",
    "lines",
    "open_client",
    "open_stream",
    "request_json",
    "server_events",
    "text_or_events",
    "whole_body",
]
