#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_report.py FOLDER...: what failed in these Meson build folders, and one line of totals.

Reads meson-logs/testlog.json, which has one JSON object per test. A folder without it (its build
failed) counts as one failure. Exits non-zero if anything failed or nothing passed.
"""

import json
import os
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
TAIL_LINES = 40


def read_results(folder):
    try:
        with open(os.path.join(folder, "meson-logs", "testlog.json"), encoding="utf-8") as log:
            return [json.loads(line) for line in log if line.strip()]
    except FileNotFoundError:
        return [{"name": "build", "result": "FAIL", "stderr": "no test ran: see above"}]


def print_failure(folder, test):
    print(f"\nfailed: {folder}: {test['name']} ({test['result']})")
    lines = (test.get("stdout", "") + test.get("stderr", "")).splitlines()
    for line in lines[-TAIL_LINES:]:
        print("    " + line)


def main(folders):
    passed = failed = 0
    for folder in folders:
        for test in read_results(folder):
            if test["result"] in PASSED:
                passed += 1
            elif test["result"] == "SKIP":
                print(f"skipped: {folder}: {test['name']}")
            else:
                failed += 1
                print_failure(folder, test)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
