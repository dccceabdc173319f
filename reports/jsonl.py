# SPDX-License-Identifier: GPL-2.0-only
"""Reading JSON Lines, as `septum --format json` prints them."""
import json
import sys


def read_lines(path):
    """The objects of a JSON Lines file; a broken line names itself."""
    objects = []
    with open(path, encoding='utf-8') as f:
        for no, line in enumerate(f, 1):
            if not line.strip():
                continue
            try:
                objects.append(json.loads(line))
            except json.JSONDecodeError as e:
                sys.exit(f'{path}:{no}:{e.colno}: not JSON: {e.msg}')
    return objects
