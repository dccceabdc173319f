# SPDX-License-Identifier: GPL-2.0-only
"""Instructions that a process may execute but must not: RDTSC would make two
runs differ. Each becomes a ud2 of the same length, and a table tells the trap
handler which ones those are."""
import re
import subprocess

from common import BadInput

RDTSC, UD2 = b"\x0f\x31", b"\x0f\x0b"
FORBIDDEN = ("cpuid", "rdtscp", "rdpmc", "rdrand", "rdseed")


def section_offset(obj, name):
    out = subprocess.run(["readelf", "-SW", obj], text=True, capture_output=True, check=True)
    found = re.search(rf"\] {name}\s+PROGBITS\s+\w+\s+(\w+)", out.stdout)
    return int(found.group(1), 16)


def find(obj, section):
    """Offsets of RDTSC; raises when there is one that cannot be replaced."""
    process = subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", "-j", section, obj],
                               text=True, stdout=subprocess.PIPE)
    offsets, where = [], "?"
    for line in process.stdout:
        label = re.match(r"[0-9a-f]+ <(.*)>:", line)
        if label:
            where = label.group(1)
            continue
        fields = line.split("\t")
        if len(fields) < 2:
            continue
        mnemonic = fields[1].split()[0] if fields[1].split() else ""
        if mnemonic == "rdtsc":
            offsets.append(int(fields[0].rstrip(": \n"), 16))
        elif mnemonic in FORBIDDEN:
            raise BadInput(f"{mnemonic} in {where}: the result would depend on this machine")
    process.wait()
    return offsets


def replace(obj, section, out):
    """Patch @obj in place and write the table's assembly to @out."""
    offsets = find(obj, section)
    base = section_offset(obj, section)
    with open(obj, "r+b") as image:
        for offset in offsets:
            image.seek(base + offset)
            if image.read(2) != RDTSC:
                raise BadInput(f"no RDTSC at {section}+{offset:#x}")
            image.seek(base + offset)
            image.write(UD2)
    rows = "".join(f"\t.quad kernel_text_begin + {offset:#x}\n" for offset in offsets)
    out.write_text('/* Generated: see kernel/build/traps.py. */\n'
                   '\t.section kernel_rdtsc, "a"\n' + rows +
                   '\t.section .note.GNU-stack, "", @progbits\n')
