# SPDX-License-Identifier: GPL-2.0-only
"""The configuration: the developer's, then the fragment, then a check that the
required symbols really are set."""
import re

from common import BadInput, run, write_if_changed

# Without these there is no program; the rest of the fragment is preference.
REQUIRED = {
    "CONFIG_X86_64": "y", "CONFIG_SMP": "y", "CONFIG_PARAVIRT_XXL": "y",
    "CONFIG_KVM": "y", "CONFIG_KVM_INTEL": "y", "CONFIG_KVM_INTEL_TDX": "y",
    "CONFIG_INTEL_TDX_HOST": "y", "CONFIG_KVM_GUEST_MEMFD": "y", "CONFIG_CGROUP_MISC": "y",
    "CONFIG_DEBUG_BUGVERBOSE": "y", "CONFIG_SPARSEMEM_VMEMMAP": "y", "CONFIG_NR_CPUS": "64",
    "CONFIG_JUMP_LABEL": None, "CONFIG_NUMA": None, "CONFIG_MEMCG": None,
    "CONFIG_PROVE_LOCKING": None, "CONFIG_KASAN": None, "CONFIG_STACKPROTECTOR": None,
    "CONFIG_X86_KERNEL_IBT": None, "CONFIG_FUNCTION_TRACER": None, "CONFIG_LTO_NONE": "y",
}


def base_text(source, kdir, kconfig):
    """The developer's configuration, "" for the tree's own x86_64_defconfig."""
    if kconfig:
        if not kconfig.is_file():
            raise BadInput(f"KCONFIG={kconfig}: no such file")
        return kconfig.read_text()
    config = kdir / ".config"
    return config.read_text() if config.is_file() else ""


def values(text):
    return dict(re.findall(r"^(CONFIG_\w+)=(.*)$", text, re.M))


def depends_on(source, symbol):
    """The "depends on" lines of a symbol, for the message that it is missing."""
    name = symbol.removeprefix("CONFIG_")
    for kconfig in ("arch/x86/Kconfig", "arch/x86/kvm/Kconfig", "virt/kvm/Kconfig",
                    "init/Kconfig", "mm/Kconfig"):
        entry = re.search(rf"^config {name}\n((?:[ \t]+.*\n|\n)+)",
                          (source / kconfig).read_text(), re.M)
        if entry:
            found = re.findall(r"depends on (.*)", entry.group(1))
            if found:
                return f" (it depends on {' and '.join(found)})"
    return ""


def check_required(source, text):
    have = values(text)
    for symbol, value in REQUIRED.items():
        got = have.get(symbol)
        if value is None and got:
            raise BadInput(f"{symbol}={got} in this configuration: it must be off")
        if value and got != value:
            raise BadInput(f"{symbol} is {got or 'not set'} in this configuration and must be "
                           f"{value}{depends_on(source, symbol)}")


def configure(source, kdir, kconfig, fragment, objects, make):
    """Write objects/.config unless it already is what it would become."""
    base = base_text(source, kdir, kconfig)
    wanted = base + "\n" + fragment.read_text()
    stamp = objects / ".septum-config"
    if not write_if_changed(stamp, wanted) and (objects / ".config").exists():
        return
    objects.mkdir(parents=True, exist_ok=True)
    try:
        if base:
            (objects / ".config").write_text(wanted)
        else:
            run(make + ["x86_64_defconfig"], what="make x86_64_defconfig")
            with open(objects / ".config", "a") as config:
                config.write(fragment.read_text())
        run(make + ["olddefconfig"], what="make olddefconfig")
        check_required(source, (objects / ".config").read_text())
    except BaseException:
        stamp.unlink()
        raise
