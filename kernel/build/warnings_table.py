# SPDX-License-Identifier: GPL-2.0-only
"""Function names for WARN and BUG: the compiler inlines, so the symbol an address
lies in is often a caller's. The debug information knows the function that says
WARN; it is asked once, here, and the answers become a table beside the bug
table, in its order."""
import re
import subprocess

ENTRY_BYTES = 16	# struct bug_entry; BUILD_BUG_ON in kernel/bug.c


def symbol(obj, name):
    out = subprocess.run(["nm", obj], text=True, capture_output=True, check=True).stdout
    return int(re.search(rf"^(\w+) \w {name}$", out, re.M).group(1), 16)


def text_offsets(obj):
    """Offset in kernel_text of each bug table entry, in order."""
    begin, end = symbol(obj, "kernel_bugs_begin"), symbol(obj, "kernel_bugs_end")
    process = subprocess.Popen(["readelf", "-rW", obj], text=True, stdout=subprocess.PIPE)
    section, offsets = "", {}
    for line in process.stdout:
        if line.startswith("Relocation section"):
            section = line.split("'")[1]
            continue
        found = re.match(r"(\w+)  \w+ R_X86_64_PC32 +\w+ kernel_text \+ (\w+)", line)
        if not found or section != ".relakernel_data":
            continue
        place = int(found.group(1), 16)
        if begin <= place < end and (place - begin) % ENTRY_BYTES == 0:
            offsets[(place - begin) // ENTRY_BYTES] = int(found.group(2), 16)
    process.wait()
    return [offsets.get(i, 0) for i in range((end - begin) // ENTRY_BYTES)]


def innermost(obj, offsets):
    """The function each offset belongs to in the source."""
    question = "".join(f"{offset:#x}\n" for offset in offsets)
    out = subprocess.run(["addr2line", "-e", obj, "-j", "kernel_text", "-f", "-i", "-a"],
                         input=question, text=True, capture_output=True, check=True).stdout
    lines = out.splitlines()
    return [lines[i + 1] for i, line in enumerate(lines) if line.startswith("0x")]


def write_table(obj, out):
    names = innermost(obj, text_offsets(obj))
    rows = "".join(f'\t.quad 1f\n\t.section .rodata\n1:\t.asciz "{name}"\n'
                   '\t.section kernel_warn_names, "a"\n' for name in names)
    out.write_text("/* Generated: see kernel/build/warnings.py. */\n"
                   '\t.section kernel_warn_names, "a"\n' + rows +
                   '\t.section .note.GNU-stack, "", @progbits\n')
