# SPDX-License-Identifier: GPL-2.0-only
"""The kernel objects: which ones, built by kbuild in a directory of our own."""
import re
import subprocess

from common import BadInput, read_list, write_if_changed


def build(source, objects, rows, make, jobs):
    """Have kbuild bring all rows of objects.list up to date."""
    targets = [row[0] for row in rows]
    result = subprocess.run(make + [f"-j{jobs}"] + targets, stdin=subprocess.DEVNULL)
    if result.returncode:
        raise BadInput("kbuild could not build the kernel objects, see above")


def members(objects, directory):
    """Objects of a directory in link order, as its built-in.a has them."""
    archive = objects / directory / "built-in.a"
    out = subprocess.run(["ar", "t", str(archive)], text=True, capture_output=True).stdout
    return out.split()


def linked(objects, rows):
    """Paths of what objects.list names, in its order."""
    paths = []
    for name, *rest in rows:
        if not name.endswith("/"):
            paths.append(str(objects / name))
            continue
        skip = set(rest[1:]) if rest[:1] == ["except"] else set()
        paths += [p for p in members(objects, name) if p.rsplit("/", 1)[-1] not in skip]
    return paths


def standin_flags(objects):
    """The flags kbuild compiled tdx.c with, for the stand-ins."""
    command = (objects / "arch/x86/kvm/vmx/.tdx.o.cmd").read_text().splitlines()[0]
    flags = re.sub(r"^[^=]*:= \S+", "", command)
    flags = flags.split(" -c -o ")[0]
    flags = re.sub(r" ?-Wp,-MMD,\S+", "", flags)
    flags = re.sub(r" -DKBUILD_\w+='[^']*'| -D__KBUILD_MODNAME=\S+", "", flags)
    # Absolute, so that dependency files hold wherever make runs.
    flags = re.sub(r"(-I ?|-include )\./", rf"\1{objects}/", flags)
    names = "".join(f" -D{key}='\"septum\"'" for key in
                    ("KBUILD_MODFILE", "KBUILD_BASENAME", "KBUILD_MODNAME"))
    return (flags + names + " -D__KBUILD_MODNAME=septum"
            " -Wno-missing-prototypes -Wno-missing-declarations")


def write_flags(objects, path):
    return write_if_changed(path, standin_flags(objects) + "\n")


def rows_of(path):
    return read_list(path)
