# SPDX-License-Identifier: GPL-2.0-only
#
# septum: plain make, no configure. `make help` lists the targets.
#
#   CC=clang        another compiler (its own output directory)
#   O=-O3           another optimisation level
#   SAN=1           AddressSanitizer and UBSan (make test sets it)
#   COV=1           gcov instrumentation (make coverage sets it)
#   V=1             show the commands

CC      := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
O       ?= -O2
BUILD   := build
VARIANT := $(notdir $(CC))$(O)$(if $(SAN),-san)$(if $(COV),-cov)
OBJ     := $(BUILD)/obj/$(VARIANT)
Q       := $(if $(V),,@)

WARN    := -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers \
           -Wmissing-prototypes -Wstrict-prototypes -Wvla -Werror
CPPFLAGS += -I. -D_GNU_SOURCE
CFLAGS  += -std=gnu11 -g $(O) -fno-strict-aliasing $(WARN)
LDLIBS  += -lm
ifdef SAN
CFLAGS  += -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif
ifdef COV
CFLAGS  += --coverage
LDFLAGS += --coverage
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
all: $(BUILD)/septum

$(BUILD)/septum: $(OBJ)/septum
	$(Q)mkdir -p $(@D) && cp -f $< $@

$(OBJ)/septum: $(OBJ)/sim/main.o $(call libs,sim)
	$(Q)echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

define layer_rule
$(OBJ)/lib$(1).a: $(call objs,$(1))
	$(Q)mkdir -p $$(@D) && rm -f $$@ && ar rcs $$@ $$^
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

.PHONY: unit unit-%
unit: $(addprefix unit-,$(TESTS))
unit-%: $(OBJ)/tests/%
	$(Q)$<

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
