# SPDX-License-Identifier: GPL-2.0-only
"""Counts checks of a program's output, and says which failed. Imported by the check.py of a folder."""
import os
import subprocess
import sys

septum = os.environ['SEPTUM']
_count = {'passed': 0, 'failed': 0}


def check(what, problem):
    """Failed when there is a @problem, which is printed."""
    _count['failed' if problem else 'passed'] += 1
    if problem:
        print(f'FAILED: {what}: {problem}')


def run(*words, program=septum):
    """Exit status, standard output and standard error."""
    done = subprocess.run([program, *words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def finish():
    """The last line of a folder's run, and its exit status."""
    print(f"{_count['passed']} passed, {_count['failed']} failed")
    sys.exit(_count['failed'] > 0)
