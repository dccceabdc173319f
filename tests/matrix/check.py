# SPDX-License-Identifier: GPL-2.0-only
"""Checks of `septum matrix`, see run."""
import concurrent.futures
import json
import os
import re
import shlex
import sys

sys.path.insert(0, 'tests')
from tally import check, finish, run, septum  # noqa: E402 (found by the line above)

# Thousands of processes: those are not the sanitized program where there is a plain one.
plain = os.path.join(os.environ.get('BUILD', ''), 'septum')
repeater = plain if 'BUILD' in os.environ and os.access(plain, os.X_OK) else septum
FAULT_SITUATIONS = {f'S{n}' for n in range(3, 14)}


def matrix(*words):
    code, out, err = run('matrix', '--format', 'json', *words)
    check(f'septum matrix {" ".join(words)}', code and err)
    objects = [json.loads(line) for line in out.split('\n') if line]
    return [o for o in objects if o['type'] == 'cell'], objects


def names(table):
    return [line.split()[0] for line in run('list', table)[1].split('\n') if line]


def place(cell):
    return cell['policy'], cell['order'], cell['page'], cell['situation']


def repeat(cell):
    """None when the cell's own command comes to the same cell."""
    words = shlex.split(cell['repeat'])
    if words[:2] != ['septum', 'matrix']:
        return f'{cell["repeat"]!r} is no matrix command'
    code, out, err = run(*words[1:], '--format', 'json', program=repeater)
    again = [json.loads(line) for line in out.split('\n') if '"type":"cell"' in line]
    if again != [cell]:
        return f'{cell["repeat"]}: another outcome {err}{again}'
    return None


policies, orders = names('policies'), names('orders')
check('20 policies', len(policies) != 20 and policies)
cells, objects = matrix()
everything = {(p, o, page, f'S{n}') for p in policies for o in orders
              for page in ('4K', '2M') for n in range(1, 14)}
check('every policy, order, situation at 4K and 2M',
      {place(c) for c in cells} ^ everything and 'some are missing or too many')
check('no cell twice', len(cells) != len(everything) and len(cells))
check('the summary counts them',
      objects[-1].get('type') != 'summary' or objects[-1]['cells'] != len(cells))
check('a cell that cannot apply says why',
      [place(c) for c in cells if c['outcome'] == 'na' and not c.get('reason')])
check('an error has a name',
      [place(c) for c in cells if (c['outcome'] in ('err', 'again')) != bool(c['errno'])])
check('nobody is blamed where nothing fails',
      [place(c) for c in cells if c['situation'] == 'S1' and c['outcome'] != 'na' and
       (c['bytes_lost'] or c['reused_while_mapped'] or c['next_td'] == 'bugged')])
check('every scenario is there', [c['scenario'] for c in cells if not os.path.isfile(c['scenario'])])

# What is measured differs: a matrix that could only say one thing would pass the above.
for field in ('outcome', 'next_td', 'vm_dead', 'bytes_lost', 'reused_while_mapped', 'neighbour',
              'shared_while_mapped', 'bytes_stuck', 'errno'):
    check(f'{field} tells cells apart', len({c[field] for c in cells}) < 2)
for outcome in ('ok', 'err', 'again', 'hang', 'host-down', 'na'):
    check(f'some cell is {outcome}', not any(c['outcome'] == outcome for c in cells))
check('the window is seen: no-hold lets a frame be reused',
      not any(c['policy'] == 'no-hold' and c['reused_while_mapped'] for c in cells))
check('and always-pin at 4K keeps it',
      [place(c) for c in cells if c['policy'] == 'always-pin' and c['page'] == '4K' and
       c['reused_while_mapped']])
check('a failed removal is stuck memory in each situation about one',
      [s for s in FAULT_SITUATIONS if not any(c['situation'] == s and c['bytes_stuck'] for c in cells)])

# doc/findings.md counts cells: what it states is what they come to.
def unsafe(of):
    return sum(c['reused_while_mapped'] > 0 or c['shared_while_mapped'] for c in of)


def cells_of(policy, **fields):
    return [c for c in cells if c['policy'] == policy and c['outcome'] != 'na' and
            all(c[name] == value for name, value in fields.items())]


def good_path(policy):
    return [sum(c['cost'].values()) for c in cells_of(policy, situation='S1')
            if (c['order'], c['page']) != ('rfc51', '2M')]


stuck = [c for c in cells_of('no-hold') if c['bytes_stuck']]
bugged = sum(c['next_td'] == 'bugged' for c in stuck)
shared = sum(c['shared_while_mapped'] for c in cells_of('ref-on-fail'))
forgotten = cells_of('gmem-errlist', situation='S8')
flag = cells_of('err-folio-flag')
added = [b - a for a, b in zip(good_path('no-hold'), good_path('err-folio-flag'))]
page_ext = cells_of('inuse-flag-ext', page='2M', situation='S7')
slow, slower = (sum(cells_of(p, order='rfc51', page='2M', situation='S1')[0]['cost'].values())
                for p in ('no-hold', 'err-folio-flag'))
calls = {c['cost']['seamcalls'] for o in ('sept-first-2026', 'split-first-2026')
         for c in cells_of('no-hold', order=o, page='2M', situation='S1')}
FINDINGS = (
    f'{unsafe(stuck)} of the {len(stuck)} cells of `no-hold` with something stuck break one',
    f'and in {bugged} the next TD dies for it',
    f'Under `no-hold` in {bugged} of {len(stuck)} cells',
    f'the host maps the stuck frame in {shared} cells',
    f'the policy is `no-hold`: {unsafe(forgotten)} of {len(forgotten)} cells unsafe',
    f'| `hwpoison/*`, `hwpoison-folio/*` | '
    f'{unsafe(cells_of("hwpoison") + cells_of("hwpoison-folio"))} unsafe cells',
    f'`err-folio-flag` is that and no more: {unsafe(flag)} unsafe cells, '
    f'{sum(c["next_td"] == "bugged" for c in flag)} next TDs lost',
    f'{min(added)} to {max(added)} steps are added to S1\'s {min(good_path("no-hold"))} to '
    f'{max(good_path("no-hold"))} (`rfc51` at 2M, whose S-EPT has 4K leaves: {slower - slow} to {slow})',
    f'costs {page_ext[0]["memory"]["boot"] >> 20} MiB on a 4 GiB host',
    f'Same SEAMCALLs in S1 ({"/".join(map(str, sorted(calls)))} at 2M)',
)
with open('doc/findings.md', encoding='utf-8') as page:
    findings = ' '.join(page.read().split())
for stated in FINDINGS:
    check('doc/findings.md', stated not in findings and f'should say: {stated}')

# A fault that did not strike in its operation strikes nowhere else.
check('who refuses to split pinned folios has nothing stuck',
      [place(c) for c in cells_of('always-pin', page='2M') if c['bytes_stuck'] and
       c['order'] == 'split-first-2026' and c['situation'] != 'S6'])

# A planted defect must change a cell, or the matrix measures nothing.
whole = matrix('--page', '4K', '--order', 'vm-attr', '--policy', 'always-pin')[0]
broken = matrix('--page', '4K', '--order', 'vm-attr', '--policy', 'always-pin',
                '--defect', 'FREE_ON_FAILED_ZAP')[0]
check('a defect shows', [c['outcome'] for c in whole] == [c['outcome'] for c in broken] and
      [c['reused_while_mapped'] for c in whole] == [c['reused_while_mapped'] for c in broken])

giant, _ = matrix('--page', '1G', '--policy', 'hwpoison', '--order', 'split-first-2026',
                  '--situation', 'S3', '--situation', 'S5', '--situation', 'S7')
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for cell, problem in zip(cells + giant, pool.map(repeat, cells + giant)):
        check(f'repeat of {" ".join(place(cell))}', problem)

text = run('matrix', '--page', '4K', '--order', 'v8')[1]
check('the text has a row for each policy', [p for p in policies if not re.search(f'^{p} ', text, re.M)])
mail = run('matrix', '--page', '4K', '--order', 'v8', '--format', 'markdown')[1]
check('Markdown has a row for each policy', [p for p in policies if f'| `{p}` |' not in mail])

finish()
