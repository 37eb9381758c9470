"""Starts one command and reports its time and its own peak memory: ``python -I -S launcher.py REPORT COMMAND ...``.

A process of its own, because Linux counts the memory of the process that starts a command towards that command's peak
until it executes; this one is small.
"""

import json
import os
import subprocess
import sys
import time

if __name__ == "__main__":
    report, command = sys.argv[1], sys.argv[2:]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.perf_counter() - start
    with open(report, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would double this process
        json.dump(
            {
                "wall_s": wall_s,
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "peak_mib": usage.ru_maxrss / 1024,
                "exit_code": process.returncode,
                "errors": errors.decode(errors="replace")[-2000:],
            },
            file,
        )
