# SPDX-License-Identifier: GPL-2.0-only
"""Checks of doc/scenario.md and doc/json.md, see run."""
import json
import os
import re
import sys
import tempfile

sys.path.insert(0, 'tests')
from tally import check, finish, run  # noqa: E402 (found by the line above)


def blocks(path, language):
    """Fenced blocks with the line of text before each."""
    text = open(path, encoding='utf-8').read()
    pattern = re.compile(r'^```' + language + r'\n(.*?)^```$', re.M | re.S)
    for match in pattern.finditer(text):
        before = text[:match.start()].rstrip('\n').rsplit('\n', 3)[-3:]
        yield ' '.join(before), match.group(1)


# ---- doc/scenario.md ----

def strip_ends(text):
    return '\n'.join(line.rstrip() for line in text.rstrip('\n').split('\n'))


tables = 0
for before, block in blocks('doc/scenario.md', ''):
    named = re.findall(r'`septum list ([a-z]+)` prints them', before)
    if named:
        tables += 1
        fresh = strip_ends(run('list', named[-1])[1])
        check(f'table of {named[-1]} in doc/scenario.md',
              strip_ends(block) != fresh and 'stale, run tools/scenario-doc')
    elif block.startswith('# '):
        with tempfile.TemporaryDirectory(dir='scenarios', prefix='.doc') as folder:
            path = os.path.join(folder, 'example.scn')
            open(path, 'w', encoding='utf-8').write(block)
            code, out, err = run('run', path)
            check('example of doc/scenario.md', code and out + err)
check('tables of doc/scenario.md', tables != 4 and f'{tables} found, 4 expected')

# ---- doc/json.md ----

schemas = [json.loads(block) for _, block in blocks('doc/json.md', 'schema')]
schema = schemas[0]


def value_fits(kind, value):
    if kind == 'any':
        return True
    if kind.startswith('['):
        return isinstance(value, list) and all(value_fits(kind[1:-1], v) for v in value)
    if kind == 'string':
        return isinstance(value, str)
    if kind == 'hex':
        return isinstance(value, str) and re.fullmatch('0x[0-9a-f]+', value) is not None
    if kind == 'boolean':
        return isinstance(value, bool)
    if kind == 'number':
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == 'object':
        return isinstance(value, dict)
    return value in kind.split('|')


def misfit(value):
    """What is wrong with an object, None when it fits."""
    fields = schema.get(value.get('type'))
    if fields is None or str(value.get('type')).startswith('@'):
        return f'unknown type {value.get("type")!r}'
    fields = dict(fields)
    if '@' in fields:
        fields.update(schema['@' + fields.pop('@')])
    known = {'type'}
    for name, kind in fields.items():
        bare = name.rstrip('?')
        known.add(bare)
        if bare not in value:
            if not name.endswith('?'):
                return f'{bare} is missing in {value}'
        elif not value_fits(kind, value[bare]):
            return f'{bare} is no {kind} in {value}'
    for name in value:
        if name not in known:
            return f'{name} is not in the schema'
    return None


def first_misfit(text):
    lines = [line for line in text.split('\n') if line]
    if not lines:
        return 'no line at all'
    for line in lines:
        try:
            problem = misfit(json.loads(line))
        except json.JSONDecodeError as error:
            problem = f'{error}: {line[:80]}'
        if problem:
            return problem
    return None


# The checker itself must be able to fail.
check('a wrong type is noticed', not misfit({'type': 'summary', 'passed': 'x'}) and 'it was not')
check('a missing name is noticed', not misfit({'type': 'machine'}) and 'it was not')
check('an unknown name is noticed',
      not misfit({'type': 'machine', 'text': 'x', 'more': 1}) and 'it was not')

for _, block in blocks('doc/json.md', 'json'):
    check('example of doc/json.md', first_misfit(block))

code, out, err = run('run', '--format', 'json', 'scenarios/window', 'scenarios/life', 'tests/bad')
check('output of run', first_misfit(out))
summary = json.loads(out.rstrip('\n').split('\n')[-1]) if out else {}
check('the last line of run is the summary', summary.get('type') != 'summary' and out[-200:])
check('the summary counts what was printed',
      summary.get('passed', 0) + summary.get('failed', 0) + summary.get('skipped', 0)
      != out.count('"type":"scenario"') and summary)
repeats = [json.loads(line)['repeat'] for line in out.split('\n') if '"verdict":"ok"' in line]
words = repeats[0].split()[1:]
check('a repeat command runs one variant',
      run(*words, '--format', 'json')[1].count('"type":"scenario"') != 1 and repeats[0])

code, out, err = run('matrix', '--page', '4K', '--policy', 'no-hold', '--policy', 'gmem-errlist',
                     '--format', 'json', '--trace')
check('output of matrix', code and err or first_misfit(out))

with tempfile.TemporaryDirectory() as folder:
    lines, chrome = os.path.join(folder, 't.jsonl'), os.path.join(folder, 't.json')
    for path in (lines, chrome):
        run('run', '--trace', path, 'scenarios/window', 'scenarios/life')
    check('events as JSON Lines', first_misfit(open(lines, encoding='utf-8').read()))
    try:
        events = json.load(open(chrome, encoding='utf-8'))['traceEvents']
        check('events for Perfetto', not any(e.get('name') == 'TDH.MEM.PAGE.AUG' for e in events)
              and 'no PAGE.AUG among them')
        check('each has a place in time',
              [e for e in events if e['ph'] == 'X' and not ('ts' in e and 'pid' in e)][:1])
    except (json.JSONDecodeError, KeyError) as error:
        check('events for Perfetto', error)

# Words `septum decode` must find in what it says about a line.
for line, *words in (
        ('SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x8000020000000001, entry 0x8000000080000000, '
         'level_state 0x100', 'TDX_OPERAND_BUSY|RCX', 'TDH.MEM.PAGE.REMOVE (29) may return this',
         'remove-remove-busy', 'may succeed later'),
        ('kvm_intel: SEAMCALL TDH_MEM_TRACK failed: 0x8000020100000000',
         'TDX_PREVIOUS_TLB_EPOCH_BUSY', 'TDH.MEM.TRACK (38) may return this', 'scenarios/'),
        ('virt/tdx: SEAMCALL (0x0000000000000009) failed: 0x8000080500000000',
         '0x8000080500000000', 'TDH.MNG.CREATE (9)'),
        ('SYS_SHUTDOWN', 'from      every SEAMCALL', 'module/system.scn'),
        ('PAGE_SIZE_MISMATCH', 'TDG.MEM.PAGE.ACCEPT'),
        ('EPT_INVALID_PROMOTE_CONDITIONS', 'TDH.MEM.PAGE.PROMOTE', 'module/huge.scn')):
    text = run('decode', line)[1]
    check(f'decode {line}', [word for word in words if word not in text])

ktap = run('run', '--format', 'ktap', 'scenarios/life')[1].split('\n')
plan = re.fullmatch(r'1\.\.(\d+)', ktap[1])
count = sum(line.startswith(('ok ', 'not ok ')) for line in ktap)
check('KTAP has a version line', ktap[0] != 'KTAP version 1' and ktap[0])
check('KTAP keeps its plan', (not plan or int(plan.group(1)) != count) and ktap[1])

finish()
