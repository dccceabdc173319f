# SPDX-License-Identifier: GPL-2.0-only
"""Turn the JSON Lines of a run into one self-contained HTML page.

usage: tools/python jinja2 reports/report.py --run RUN.jsonl [--story TITLE=FILE]...
           [--graph TITLE=FILE.svg]... [--matrix-page NAME] [--bench FILE.jsonl] -o OUT.html

Input is what `septum run|bench --format json` print (doc/json.md), text a
run printed, and the SVG of `septum graph`. Nothing is fetched, nothing is
computed that the run did not say; the page has no outside reference.
"""
import argparse
import collections
import os
import re
import sys

import jinja2

from jsonl import read_lines

HERE = os.path.dirname(os.path.abspath(__file__))


def hypothesis(path):
    """The sentence at the top of a scenario file: its first paragraph of comment."""
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            lines = f.read().split('\n')
    except OSError:
        return ''
    words = []
    for line in lines:
        if 'SPDX-License-Identifier' in line:
            continue
        if not line.startswith('#'):
            if words or line.strip():
                break
            continue
        text = line.lstrip('#').strip()
        if not text and words:
            break
        words.append(text)
    return ' '.join(words)


def titled(argument):
    title, _, path = argument.partition('=')
    if not path:
        raise argparse.ArgumentTypeError(f"'{argument}' is not TITLE=FILE")
    return title, path


def scenario_rows(objects):
    """One row a file, its variants under it, in the order they ran."""
    files = collections.OrderedDict()
    for o in objects:
        if o.get('type') != 'scenario':
            continue
        variant = o.get('variant') or {}
        o['variant_text'] = ' '.join(f'{k}={v}' for k, v in variant.items())
        files.setdefault(o['file'], []).append(o)
    rows = []
    for path, variants in files.items():
        rows.append({
            'file': path,
            'folder': os.path.dirname(path),
            'name': os.path.splitext(os.path.basename(path))[0],
            'why': variants[0].get('hypothesis') or hypothesis(path),
            'variants': variants,
            'verdict': next((v['verdict'] for v in variants if v['verdict'] != 'ok'), 'ok'),
            'broken': sorted({b for v in variants for b in v.get('broken', [])}),
        })
    return rows


def inline_svg(path):
    """The <svg> element alone: no XML head, no document type, ids kept apart by file."""
    with open(path, encoding='utf-8') as f:
        text = f.read()
    svg = text[text.index('<svg'):]
    prefix = re.sub(r'\W', '-', os.path.splitext(os.path.basename(path))[0])
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    return re.sub(r'(url\(#|href="#)', rf'\1{prefix}-', svg)


def read_text(path):
    with open(path, encoding='utf-8', errors='replace') as f:
        return re.sub(r'\x1b\[[0-9;]*m', '', f.read()).rstrip('\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--run', required=True)
    parser.add_argument('--story', type=titled, action='append', default=[])
    parser.add_argument('--graph', type=titled, action='append', default=[])
    parser.add_argument('--matrix-page', default='', help='link to the page of reports/matrix.py')
    parser.add_argument('--bench')
    parser.add_argument('--version', default='')
    parser.add_argument('-o', '--output', required=True)
    args = parser.parse_args()

    objects = read_lines(args.run)
    rows = scenario_rows(objects)
    summary = next((o for o in objects if o.get('type') == 'summary'), None)
    if not rows or not summary:
        sys.exit(f'{args.run}: holds no scenario or no summary object; did the run end early?')
    env = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True,
                             trim_blocks=True, lstrip_blocks=True,
                             undefined=jinja2.StrictUndefined)
    broken = {'expected': collections.Counter(), 'otherwise': collections.Counter()}
    for v in (v for r in rows for v in r['variants']):
        for name in v.get('broken', []):
            kind = 'expected' if name in v.get('broken_expected', []) else 'otherwise'
            broken[kind][name] += 1
    page = env.get_template('report.html.j2').render(
        version=args.version, broken_expected=broken['expected'],
        broken_otherwise=broken['otherwise'], rows=rows, summary=summary,
        variants=sum(len(r['variants']) for r in rows),
        seamcalls=sum(v.get('seamcalls', 0) for r in rows for v in r['variants']),
        steps=sum(v.get('steps', 0) for r in rows for v in r['variants']),
        stories=[(title, read_text(path)) for title, path in args.story],
        graphs=[(title, inline_svg(path)) for title, path in args.graph],
        matrix_page=args.matrix_page,
        bench=[o for o in read_lines(args.bench) if o.get('type') == 'bench']
        if args.bench else [])
    os.makedirs(os.path.dirname(os.path.abspath(args.output)), exist_ok=True)
    with open(args.output, 'w', encoding='utf-8') as f:
        f.write(page)
    print(f'{args.output}: {len(rows)} scenarios, {len(args.graph)} graphs')


if __name__ == '__main__':
    main()
