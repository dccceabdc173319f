# SPDX-License-Identifier: GPL-2.0-only
"""Turn the matrix' JSON Lines into one self-contained HTML page.

usage: tools/python jinja2 reports/matrix.py --cells CELLS.jsonl [--version TEXT] -o OUT.html

Input is what `septum matrix --format json --trace` prints (doc/json.md). The page
shows one table of policies by situations for each page size and conversion order,
each cell with the steps and SEAMCALLs of its run. Nothing is fetched; the page
has no outside reference.
"""
import argparse
import json
import os
import sys

import jinja2

from jsonl import read_lines

HERE = os.path.dirname(os.path.abspath(__file__))
# What the page shows of a cell, in this order; stories are kept apart, most are shared.
FIELDS = ('policy', 'order', 'page', 'situation', 'outcome', 'errno', 'reason', 'retry',
          'bytes_lost', 'bytes_lost_control', 'bytes_stuck', 'reused_while_mapped',
          'shared_while_mapped', 'next_td', 'neighbour', 'vm_dead', 'machine_checks', 'broken',
          'cost', 'memory', 'error_path', 'repeat', 'scenario')


def in_order(values):
    return list(dict.fromkeys(values))


def pack(objects):
    """The page's data: axes, cells as rows of FIELDS, and each story once."""
    cells = [o for o in objects if o['type'] == 'cell']
    stories, places, rows = [], {}, []
    for cell in cells:
        story = {'trace': cell.get('trace', []), 'moves': cell.get('moves', [])}
        key = json.dumps(story, sort_keys=True)
        if key not in places:
            places[key] = len(stories)
            stories.append(story)
        rows.append([cell.get(name) for name in FIELDS] + [places[key]])
    return {
        'fields': list(FIELDS) + ['story'],
        'policies': in_order(c['policy'] for c in cells),
        'orders': in_order(c['order'] for c in cells),
        'pages': in_order(c['page'] for c in cells),
        'situations': [[o['situation'], o['words']] for o in objects if o['type'] == 'situation'],
        'ranking': [o for o in objects if o['type'] == 'policy'],
        'cells': rows,
        'stories': stories,
    }


def script_text(data):
    """JSON that may stand inside a script element."""
    return (json.dumps(data, separators=(',', ':'), ensure_ascii=True)
            .replace('<', '\\u003c').replace('>', '\\u003e').replace('&', '\\u0026'))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--cells', required=True)
    parser.add_argument('--version', default='')
    parser.add_argument('-o', '--output', required=True)
    args = parser.parse_args()

    objects = read_lines(args.cells)
    summary = next((o for o in objects if o['type'] == 'summary'), None)
    data = pack(objects)
    if not summary or not data['cells'] or summary.get('cells') != len(data['cells']):
        sys.exit(f'{args.cells}: holds no whole matrix; did the run end early?')
    env = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True,
                             trim_blocks=True, lstrip_blocks=True,
                             undefined=jinja2.StrictUndefined)
    page = env.get_template('matrix.html.j2').render(
        version=args.version, summary=summary, data=data, json=script_text(data))
    os.makedirs(os.path.dirname(os.path.abspath(args.output)), exist_ok=True)
    with open(args.output, 'w', encoding='utf-8') as f:
        f.write(page)
    print(f'{args.output}: {len(data["cells"])} cells, {len(data["stories"])} stories')


if __name__ == '__main__':
    main()
