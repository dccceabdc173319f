# SPDX-License-Identifier: GPL-2.0-only
#
# septum: plain make, no configure. `make help` lists the targets.
#
#   CC=clang        another compiler (its own object directory)
#   O=-O3           another optimisation level
#   SAN=1           AddressSanitizer and UBSan (make test sets it); build/septum-san
#   COV=1           gcov instrumentation (make coverage sets it); build/septum-cov
#   LTO=1           gcc, -O3, optimised as one program (make bench sets it); build/septum-lto
#   BUILD=DIR       another build directory
#   V=1             show the commands

CC      := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
O       ?= $(if $(LTO),-O3,-O2)
BUILD   := build
SUFFIX  := $(if $(SAN),-san)$(if $(COV),-cov)$(if $(FUZZER),-fuzzer)$(if $(LTO),-lto)
OBJ     := $(BUILD)/obj/$(notdir $(CC))$(O)$(SUFFIX)
PREFIX  ?= /usr/local
Q       := $(if $(V),,@)

WARN    := -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers \
           -Wmissing-prototypes -Wstrict-prototypes -Wvla -Werror
CPPFLAGS += -I. -D_GNU_SOURCE
CFLAGS  += -std=gnu11 -g $(O) -fno-strict-aliasing $(WARN)
LDLIBS  += -lm
# Structs of a dozen registers are cleared at every call of the module. What gcc takes for
# that by itself, REP STOS, needs longer to begin than the stores need to be done.
ifeq ($(findstring clang,$(CC)),)
TUNE    := -mmemset-strategy=vector_loop:256:noalign,libcall:-1:noalign
CFLAGS  += $(TUNE)
endif
ifdef SAN
CFLAGS  += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif
ifdef LTO
CFLAGS  += -flto
LDFLAGS += $(O) -flto=auto -fno-strict-aliasing $(TUNE)
AR      := gcc-ar
# The switch between tasks is assembly that names its symbol to nobody.
$(OBJ)/sim/base/task.o: CFLAGS += -fno-lto
endif
ifdef COV
CFLAGS  += --coverage
LDFLAGS += --coverage
endif
ifdef FUZZER
CFLAGS  += -fsanitize=fuzzer-no-link
# What only looks tells a fuzzer nothing: tracing its comparisons is most of a run's time.
$(OBJ)/model/tdx/invariant.o $(OBJ)/sim/base/pool.o: \
	CFLAGS := $(filter-out -fsanitize=fuzzer-no-link,$(CFLAGS))
endif

# The layers, bottom first. A test or program links its own layer and all below.
LAYERS    := base hw tdx mm kvm sim
DIR_base  := sim/base
DIR_hw    := model/hw
DIR_tdx   := model/tdx
DIR_mm    := model/mm
DIR_kvm   := model/kvm
DIR_sim   := sim
BELOW_base := base
BELOW_hw   := hw base
BELOW_tdx  := tdx hw base
BELOW_mm   := mm hw base
BELOW_kvm  := kvm mm tdx hw base
BELOW_sim  := sim kvm mm tdx hw base

objs = $(patsubst %.c,$(OBJ)/%.o,$(filter-out sim/main.c,$(wildcard $(DIR_$(1))/*.c)))
libs = $(foreach l,$(BELOW_$(1)),$(OBJ)/lib$(l).a)

.PHONY: all
all: $(BUILD)/septum$(SUFFIX)

# Compared, not only dated: several compilers share this one name.
$(BUILD)/septum$(SUFFIX): $(OBJ)/septum FORCE
	$(Q)mkdir -p $(@D)
	$(Q)cmp -s $< $@ || { cp -f $< $@.new && mv -f $@.new $@; }

# `septum explore` runs a second copy of all it needs, in which each store tells where it
# goes (sim/tracked/track.c): what changed since the last choice is then known, not searched
# for. The instrumentation is kernel AddressSanitizer's, of stores only and by calls. Builds
# with other instrumentation do without, and compare.
TRACKED     := $(if $(SAN)$(COV)$(FUZZER),,$(OBJ)/tracked/explore.o)
TRACK_ENTRY := cmd_explore explore_file
TRACK_ASAN  := instrument-reads=0 instrumentation-with-call-threshold=0 stack=0 globals=0
TRACK_FLAGS := -fsanitize=kernel-address $(if $(findstring clang,$(CC)),\
	$(foreach a,$(TRACK_ASAN),-mllvm -asan-$(a)),$(foreach a,$(TRACK_ASAN),--param asan-$(a)))
TRACK_NOT   := sim/main.c $(filter-out sim/cmd_explore.c sim/cmd_machine.c,$(wildcard sim/cmd_*.c)) \
	$(wildcard $(addprefix sim/,bench*.c campaign*.c matrix*.c graph*.c kernel_program.c record.c \
	sweep.c sweep_lines.c sweep_past.c sweep_try.c workers.c))
TRACK_SRC   := $(filter-out $(TRACK_NOT),$(foreach l,$(LAYERS),$(wildcard $(DIR_$(l))/*.c)))
# What takes the state in is not part of it.
TRACK_PLAIN := $(wildcard sim/image*.c sim/tracked/*.c)
TRACK_OBJ    = $(patsubst %.c,$(OBJ)/tracked/%.o,$(TRACK_SRC) $(wildcard sim/tracked/*.c))
$(patsubst %.c,$(OBJ)/tracked/%.o,$(TRACK_PLAIN)): TRACK_FLAGS :=

$(OBJ)/tracked/%.o: %.c
	$(Q)mkdir -p $(@D)
	$(Q)echo "  CC    $< (tracked)"
	$(Q)$(CC) $(CPPFLAGS) -DSEPTUM_TRACKED $(filter-out -flto,$(CFLAGS)) $(TRACK_FLAGS) \
		-MMD -MP -c -o $@ $<

# Its symbols stay inside. What it takes from outside must be in the list.
$(OBJ)/tracked/explore.o: $(TRACK_OBJ) sim/tracked/libc.list
	$(Q)echo "  LINK  $@"
	$(Q)tools/link-tracked $@ sim/tracked/libc.list "$(TRACK_ENTRY)" $(TRACK_OBJ)

$(OBJ)/septum: $(OBJ)/sim/main.o $(TRACKED) $(call libs,sim)
	$(Q)echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

define layer_rule
$(OBJ)/lib$(1).a: $(call objs,$(1))
	$(Q)mkdir -p $$(@D) && rm -f $$@.new && $(AR) rcs $$@.new $$^ && mv -f $$@.new $$@
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))

$(OBJ)/%.o: %.c
	$(Q)mkdir -p $(@D)
	$(Q)echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Unit tests: tests/<layer>_<what>.c is one CMocka program that links the layers
# up to <layer>.
TESTS := $(patsubst tests/%.c,%,$(foreach l,$(LAYERS),$(wildcard tests/$(l)_*.c)))
define test_rule
$(OBJ)/tests/$(1): $(OBJ)/tests/$(1).o $(call libs,$(firstword $(subst _, ,$(1))))
	$(Q)echo "  LINK  $$@"
	$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ -lcmocka $(LDLIBS)
endef
$(foreach t,$(TESTS),$(eval $(call test_rule,$(t))))

.PHONY: unit unit-% unit-programs
unit: $(addprefix unit-,$(TESTS))
unit-%: $(OBJ)/tests/%
	$(Q)$<
unit-programs: $(addprefix $(OBJ)/tests/,$(TESTS))

# Fuzz targets: fuzz/fuzz_<what>.c, each with LLVMFuzzerTestOneInput(). Plain, they
# are driven by fuzz_main.c (files, directories, random bytes); `make fuzz` links
# the same objects against libFuzzer. The shared part is fuzz/lib_*.c.
FUZZERS    := $(patsubst fuzz/%.c,%,$(filter-out fuzz/fuzz_main.c,$(wildcard fuzz/fuzz_*.c)))
FUZZ_LIB   := $(patsubst %.c,$(OBJ)/%.o,$(wildcard fuzz/lib_*.c))
FUZZ_DRIVE := $(if $(FUZZER),,$(OBJ)/fuzz/fuzz_main.o)
define fuzz_rule
$(OBJ)/fuzz/$(1): $(OBJ)/fuzz/$(1).o $(FUZZ_LIB) $(FUZZ_DRIVE) $(call libs,sim)
	$(Q)echo "  LINK  $$@"
	$(Q)$(CC) $(LDFLAGS) $(if $(FUZZER),-fsanitize=fuzzer) -o $$@ $$^ $(LDLIBS)
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzz_rule,$(f))))

.PHONY: fuzz-programs fuzz
fuzz-programs: $(addprefix $(OBJ)/fuzz/,$(FUZZERS))
fuzz:
	$(Q)tools/need fuzz
	+$(Q)$(MAKE) --no-print-directory CC=clang SAN=1 FUZZER=1 fuzz-programs
	$(Q)FUZZ_BIN=$(BUILD)/obj/clang$(O)-san-fuzzer/fuzz BUILD=$(BUILD) tools/fuzz $(SECONDS)

.PHONY: test lint bench demo coverage determinism
test:
	$(Q)tools/need test
	+$(Q)MAKE='$(MAKE)' BUILD=$(BUILD) tools/test

lint: $(foreach l,$(LAYERS),$(OBJ)/lib$(l).a) all
	$(Q)OBJ=$(OBJ) SEPTUM=$(BUILD)/septum$(SUFFIX) tools/lint

# The figures to quote: of the program as one, which takes three times as long to build.
bench:
	+$(Q)$(MAKE) --no-print-directory LTO=1 all
	$(Q)$(BUILD)/septum-lto bench
	+$(Q)! command -v spin >/dev/null || { \
		$(MAKE) --no-print-directory LTO=1 spin-twin && SEPTUM=$(BUILD)/septum-lto \
		TWIN=$(BUILD)/obj/$(notdir $(CC))-O3-lto/tests/sim_twin tests/spin/run figures; }

# The tasks of tests/spin/locks.pml, to count and time beside SPIN.
.PHONY: spin-twin
spin-twin: $(OBJ)/tests/sim_twin

demo:
	$(Q)tools/need demo
	+$(Q)$(MAKE) --no-print-directory all
	$(Q)SEPTUM=$(BUILD)/septum BUILD=$(BUILD) tools/demo

# The drawings in doc/: every shipped scenario's moves against the legal ones.
.PHONY: graphs
graphs: all
	$(Q)for kind in sept pamt td folio gmem states; do \
		$(BUILD)/septum graph $$kind -o doc/graph-$$kind.svg scenarios \
			>doc/graph-$$kind.txt || exit; \
	done

# What each conversion order can run into: the table in doc/conversion-orders.md.
.PHONY: orders
orders: all
	$(Q)SEPTUM=$(BUILD)/septum tools/conversion-orders

# Each variant has its own object directory; the programs are compared where they are.
DETERMINISM := $(foreach c,gcc clang,$(foreach o,-O0 -O2 -O3,$(c)$(o)))
determinism:
	$(Q)tools/need determinism
	+$(Q)for c in gcc clang; do for o in -O0 -O2 -O3; do \
		$(MAKE) --no-print-directory CC=$$c O=$$o $(BUILD)/obj/$$c$$o/septum || exit; \
	done; done
	$(Q)tests/determinism/run $(DETERMINISM:%=$(BUILD)/obj/%/septum)

coverage:
	$(Q)tools/need coverage
	+$(Q)$(MAKE) --no-print-directory COV=1 O=-O0 all
	$(Q)OBJ=$(BUILD)/obj/$(notdir $(CC))-O0-cov BUILD=$(BUILD) tools/coverage

.PHONY: install clean help FORCE
install: all
	install -D -m 755 $(BUILD)/septum $(DESTDIR)$(PREFIX)/bin/septum
	install -D -m 644 doc/septum.1 $(DESTDIR)$(PREFIX)/share/man/man1/septum.1
	mkdir -p $(DESTDIR)$(PREFIX)/share/septum
	cp -R scenarios $(DESTDIR)$(PREFIX)/share/septum/

clean:
	rm -rf $(BUILD)

help:
	$(Q)cat tools/help.txt

-include kernel/kernel.mk
-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
