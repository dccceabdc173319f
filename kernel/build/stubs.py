# SPDX-License-Identifier: GPL-2.0-only
"""Stubs for what stays undefined on the kernel side after the stand-ins.

A name is a function when some relocation calls it, or when stubs.list says so.
Undefined data cannot be guessed and fails the link by name.
"""
import collections
import re
import subprocess

from common import BadInput, read_list

# Preserve registers a C function may use: a stub would corrupt its callers.
ASSEMBLY_THUNK = re.compile(r"_thunk$|^__SCT__|^__x86_|^pv_native_|^__raw_callee_save")

PROLOGUE = """\
/* Generated: see kernel/build/stubs.py. */
	.text
stub_abort:			# RAX: the name
	mov %rax, %rsi
	lea 1f(%rip), %rdi
	xor %eax, %eax
	and $-16, %rsp
	call proc_fatal
	.section .rodata
1:	.asciz "the kernel called %s(), which nothing stands in for"
"""

ABORT = """\
	.text
	.globl {name}
	.type {name}, @function
{name}:
	lea 1f(%rip), %rax
	jmp stub_abort
	.section .rodata
1:	.asciz "{name}"
"""

ZERO = """\
	.text
	.globl {name}
	.type {name}, @function
{name}:
	xor %eax, %eax
	ret
"""


def undefined(obj):
    out = subprocess.run(["nm", "-u", obj], text=True, capture_output=True, check=True).stdout
    return [line.split()[-1] for line in out.splitlines()]


def called(obj):
    """Names some PLT32 relocation, that is a call or jump, refers to."""
    process = subprocess.Popen(["readelf", "-rW", obj], text=True, stdout=subprocess.PIPE)
    names = collections.Counter()
    for line in process.stdout:
        fields = line.split()
        if len(fields) > 4 and fields[2] == "R_X86_64_PLT32":
            names[fields[4]] += 1
    process.wait()
    return names


def reviewed(path):
    """zero and function rows of stubs.list."""
    zero, function = set(), set()
    for kind, name, *_ in read_list(path):
        {"zero": zero, "function": function}[kind].add(name)
    return zero, function


def generate(obj, list_path, provided, out):
    """Write assembly for @obj's undefined names except @provided; counts by kind."""
    zero, function = reviewed(list_path)
    calls = called(obj)
    text, data, thunks = [PROLOGUE, "\t.section .note.GNU-stack, \"\", @progbits\n"], [], []
    counts = collections.Counter()
    for name in undefined(obj):
        if name in provided or name.startswith(("__start_", "__stop_", "kernel_bugs_")):
            continue
        if ASSEMBLY_THUNK.search(name):
            thunks.append(name)
        elif name in zero:
            text.append(ZERO.format(name=name))
            counts["zero"] += 1
        elif name in calls or name in function:
            text.append(ABORT.format(name=name))
            counts["abort"] += 1
        else:
            data.append(name)
    if thunks:
        raise BadInput("assembly thunks nothing stands in for: " + " ".join(thunks))
    if data:
        raise BadInput("data nothing stands in for (or functions used by address only, see "
                       "kernel/stubs.list): " + " ".join(data))
    out.write_text("".join(text))
    return counts
