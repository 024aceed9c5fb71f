"""Given to cargo as what starts its test programs: tells how each is started, as a line of JSON, and starts none.

Rustdoc has it start the documentation tests of edition 2024 too, which list themselves: they are started as they are.
"""

import json
import os
import sys
from pathlib import Path

program = Path(sys.argv[1])
if program.parent.name.startswith("rustdoctest"):
    os.execv(program, sys.argv[1:])  # noqa: S606 - a shell is not wanted
facts = {"argv": sys.argv[1:], "folder": str(Path.cwd()), "environment": dict(os.environ)}
os.write(1, (json.dumps(facts) + "\n").encode())
