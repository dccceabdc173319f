# SPDX-License-Identifier: GPL-2.0-only
#
# The second program, build/septum-kernel: the same engine and TDX module with a
# developer's unmodified kernel objects in place of the modelled kernel.
# doc/real-kernel.md says how to use it.
#
#   make kernel KDIR=~/linux     build it (KCONFIG=FILE: start from that configuration)
#   make kernel-source           fetch a packaged kernel source, the default KDIR
#   make test-kernel             fetch, build, run every scenario, compare with the model
#   make test-kernel-planted     does the comparison find one doubled line of tdx.c?
#
#   KERNEL_WORK=DIR              another output directory, for a second tree
#   KERNEL_PROGRAM=FILE          and another program

KERNEL_WORK    ?= $(BUILD)/kernel
KERNEL_PROGRAM ?= $(BUILD)/septum-kernel
KERNEL_FETCHED  = $(firstword $(wildcard $(BUILD)/kernel/source/linux-*))

# One line instead of make's own "Error 2" behind that of the tool.
KERNEL_BUILD    = tools/kernel-build "$(KDIR)" --work $(KERNEL_WORK) --cc $(CC) \
		  $(if $(KCONFIG),--kconfig "$(KCONFIG)")
KERNEL_NO_KDIR  = say which tree with KDIR=..., or fetch one with 'make kernel-source'
kernel_refused  = $(if $(KDIR),$(shell tools/need kernel >&2; \
		  $(KERNEL_BUILD) --check),$(KERNEL_NO_KDIR))
kernel_check    = $(if $(kernel_refused),$(error $(kernel_refused)))

KERNEL_PROCESS  := $(patsubst %.c,$(OBJ)/%.o,$(wildcard kernel/process/*.c))
KERNEL_STANDINS := $(patsubst kernel/%.c,$(KERNEL_WORK)/standin/%.o,$(wildcard kernel/*.c))
KERNEL_TOOLS    := $(wildcard kernel/build/*.py) kernel/image.lds kernel/stubs.list \
                   tools/kernel-link

.PHONY: kernel kernel-source test-kernel test-kernel-planted
kernel: KDIR ?= $(KERNEL_FETCHED)
kernel:
	$(kernel_check)
	+$(Q)$(KERNEL_BUILD)
	+$(Q)$(MAKE) --no-print-directory $(KERNEL_PROGRAM)

kernel-source:
	$(Q)tools/need kernel
	$(Q)tools/kernel-source $(BUILD) $(KERNEL_SUITE)

test-kernel:
	$(Q)tools/need kernel
	+$(Q)MAKE='$(MAKE)' BUILD=$(BUILD) tools/test-kernel

test-kernel-planted: KDIR ?= $(KERNEL_FETCHED)
test-kernel-planted:
	$(kernel_check)
	+$(Q)MAKE='$(MAKE)' BUILD=$(BUILD) tools/kernel-planted "$(KDIR)"

# Stand-ins see the kernel's headers with the kernel's flags, nothing of ours.
$(KERNEL_WORK)/standin/%.o: kernel/%.c $(KERNEL_WORK)/standin.flags
	$(Q)mkdir -p $(@D)
	$(Q)echo "  CC    $< (kernel)"
	$(Q)$(CC) @$(KERNEL_WORK)/standin.flags -Ikernel -MMD -MP -c -o $@ $<

# Names what to link, in order; older than none of it.
$(KERNEL_WORK)/objects.stamp: $(KERNEL_WORK)/objects.linked $(shell cat $(KERNEL_WORK)/objects.linked 2>/dev/null)
	$(Q)touch $@

$(KERNEL_WORK)/kernel.o: $(KERNEL_STANDINS) $(KERNEL_WORK)/objects.stamp $(KERNEL_TOOLS)
	$(Q)tools/kernel-link --work $(KERNEL_WORK) --cc $(CC) -o $@ $(KERNEL_STANDINS)

# Kernel code is built for fixed addresses below 2 GiB: static and not PIE.
$(KERNEL_PROGRAM): $(OBJ)/sim/main.o $(KERNEL_PROCESS) $(KERNEL_WORK)/kernel.o $(call libs,sim)
	$(Q)echo "  LINK  $@"
	$(Q)$(CC) -static -no-pie -o $@ $^ $(LDLIBS)

-include $(wildcard $(KERNEL_WORK)/standin/*.d)
