# SPDX-License-Identifier: GPL-2.0-only
"""What the build steps share: one-line errors, running a tool, KEY files."""
import subprocess
import sys


class BadInput(Exception):
    """Something the user gave cannot be used; the text is the whole message."""


def say(text):
    print(f"kernel: {text}", file=sys.stderr, flush=True)


def run(command, cwd=None, what=None):
    """Run @command quietly; its output is shown only when it fails."""
    result = subprocess.run(command, cwd=cwd, text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode:
        sys.stderr.write(result.stdout)
        raise BadInput(f"{what or command[0]} failed")
    return result.stdout


def write_if_changed(path, text):
    """True when the file had to be written. Its time stays put otherwise."""
    if path.exists() and path.read_text() == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return True


def read_list(path):
    """Lines of a list file as word lists, comments and empty lines left out."""
    rows = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return [row for row in rows if row]
