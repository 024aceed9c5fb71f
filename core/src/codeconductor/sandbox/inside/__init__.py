"""What runs inside of a sandbox: the standard library alone, started by `python -m inside`, never imported by the host.

The modules import each other relatively, since the folder is laid into a sandbox by itself, under the name ``inside``.
"""
