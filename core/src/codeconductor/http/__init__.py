"""HTTP to model servers: the only module that imports the HTTP library, so proxies and certificates are settled here.

A client belongs to one host. A loopback host is never reached through a proxy, whatever the environment says;
redirects are never followed; a host without TLS costs no TLS context.
"""

from __future__ import annotations

from codeconductor.http.client import is_loopback, open_client
from codeconductor.http.faults import checked, fault_of_status, http_faults
from codeconductor.http.lines import MAX_LINE, json_lines, json_object, lines, server_events

__all__ = [
    "MAX_LINE",
    "checked",
    "fault_of_status",
    "http_faults",
    "is_loopback",
    "json_lines",
    "json_object",
    "lines",
    "open_client",
    "server_events",
]
