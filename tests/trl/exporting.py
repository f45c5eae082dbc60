"""The program in the Python that has it, for many commands one after the other: a start costs more than an export.

Reads a command line as a JSON list from each line of its input, and answers with [exit code, standard error].
"""

import io
import json
import sys
from contextlib import redirect_stderr

from judge_service.cli.app import main

for line in sys.stdin:
    sys.argv = ["judge-service", *json.loads(line)]
    told, code = io.StringIO(), 0
    with redirect_stderr(told):
        try:
            main()
        except SystemExit as e:
            code = int(e.code or 0)
    print(json.dumps([code, told.getvalue()]), flush=True)
