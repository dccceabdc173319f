# SPDX-License-Identifier: GPL-2.0-only
"""The developer's kernel tree: is it one we can build, and from where.

The tree is never written to. kbuild refuses a separate output directory for a
tree that was built in place, so such a tree is built through links
that leaves the generated files out.
"""
import os
import platform
import re
import subprocess
from pathlib import Path

from common import BadInput, run, say

OLDEST = (7, 3)

GENERATED_DIRS = {".git", "include/config", "include/generated",
                  "arch/x86/include/generated", "usr/include"}
GENERATED_SUFFIXES = (".o", ".a", ".ko", ".cmd", ".mod", ".mod.c", ".order", ".symvers", ".d")
GENERATED_FILES = {".config", ".config.old", "vmlinux", "System.map", ".version"}


def version_of(kdir):
    text = (kdir / "Makefile").read_text(errors="replace")
    found = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL) *= *(\d+)", text, re.M))
    if "VERSION" not in found or "PATCHLEVEL" not in found:
        raise BadInput(f"KDIR={kdir}: its Makefile has no kernel version; not a Linux kernel tree")
    return tuple(int(found.get(k, 0)) for k in ("VERSION", "PATCHLEVEL", "SUBLEVEL"))


def unmerged(kdir):
    """First file with an unfinished merge, if KDIR is a git tree that has one."""
    if not (kdir / ".git").exists():
        return None
    out = subprocess.run(["git", "-C", str(kdir), "diff", "--name-only", "--diff-filter=U"],
                         text=True, capture_output=True)
    return out.stdout.split("\n")[0] or None


def check(kdir):
    """Raise BadInput with one line when @kdir cannot be built. Returns its version."""
    if platform.machine() != "x86_64":
        raise BadInput(f"this machine is {platform.machine()}: the kernel mode needs x86_64")
    if not kdir.is_dir():
        raise BadInput(f"KDIR={kdir}: no such directory")
    for needed in ("Makefile", "Kconfig", "scripts", "virt"):
        if not (kdir / needed).exists():
            raise BadInput(f"KDIR={kdir}: not a Linux kernel tree (it has no {needed})")
    if not (kdir / "arch/x86").is_dir():
        raise BadInput(f"KDIR={kdir}: no arch/x86 in it; TDX exists on x86 only")
    version = version_of(kdir)
    if version[:2] < OLDEST:
        raise BadInput("KDIR=%s: Linux %d.%d is too old, %d.%d is the first that is supported"
                       % (kdir, *version[:2], *OLDEST))
    for needed in ("arch/x86/kvm/vmx/tdx.c", "arch/x86/virt/vmx/tdx/tdx.c",
                   "virt/kvm/guest_memfd.c"):
        if not (kdir / needed).exists():
            raise BadInput(f"KDIR={kdir}: has no {needed}")
    merge = unmerged(kdir)
    if merge:
        raise BadInput(f"KDIR={kdir}: unfinished merge in {merge}; resolve it first")
    config = kdir / ".config"
    if config.exists() and not re.search(r"^CONFIG_X86=y", config.read_text(), re.M):
        raise BadInput(f"KDIR={kdir}: its .config is for another architecture; "
                       "give one for x86 with KCONFIG=FILE")
    return version


def check_compiler(kdir, cc):
    """The tree says itself which compiler it needs."""
    text = run([cc, "--version"], what=cc).splitlines()[0]
    family = "llvm" if "clang" in text else "gcc"
    need = run([str(kdir / "scripts/min-tool-version.sh"), family]).strip()
    have = run([cc, "-dumpfullversion" if family == "gcc" else "-dumpversion"]).strip()

    def number(version):
        return [int(x) for x in version.split(".")]

    if number(have) < number(need):
        raise BadInput(f"{cc} is version {have}, this kernel needs {family} {need} or newer")
    return text


def built_in_place(kdir):
    """What kbuild's outputmakefile test looks for."""
    return any((kdir / p).exists() for p in (".config", "include/config",
                                             "arch/x86/include/generated"))


def is_generated(directory, name):
    return (name.endswith(GENERATED_SUFFIXES) or name.endswith("~") or
            (directory == "" and name in GENERATED_FILES))


def link_tree(kdir, links):
    """Make @links mirror the sources of @kdir with links; stale links go."""
    wanted = set()
    made = 0
    for directory, subdirs, files in os.walk(kdir):
        relative = os.path.relpath(directory, kdir)
        relative = "" if relative == "." else relative
        subdirs[:] = [d for d in subdirs
                      if os.path.normpath(os.path.join(relative, d)) not in GENERATED_DIRS]
        os.makedirs(links / relative, exist_ok=True)
        for name in files:
            if is_generated(relative, name):
                continue
            link = os.path.join(links, relative, name)
            wanted.add(link)
            if not os.path.islink(link):
                os.symlink(os.path.join(directory, name), link)
                made += 1
    for directory, _, files in os.walk(links):
        for name in files:
            path = os.path.join(directory, name)
            if path not in wanted:
                os.unlink(path)
    if made:
        say(f"{kdir} was built in place: building from a tree of {made} links")


def source_to_build(kdir, work):
    """The directory kbuild may be pointed at: @kdir, or a tree of links to it."""
    if not built_in_place(kdir):
        return kdir
    links = work / "links"
    link_tree(kdir, links)
    return links
