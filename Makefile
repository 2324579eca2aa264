# SPDX-License-Identifier: GPL-2.0
# The user's entry: `make help` says what there is. Objects and flags are in Kbuild, which the kernel's
# makefiles read in place of this file.

VERSION := $(shell cat VERSION)

# The running kernel's headers, or else the newest that are installed.
KDIR ?= $(or $(realpath /lib/modules/$(shell uname -r)/build),$\
	$(shell printf '%s\n' $(realpath $(wildcard /lib/modules/*/build)) | sort -V | tail -n 1))

needs := 64BIT MODULES HIGH_RES_TIMERS IRQ_WORK

# Without the key that the kernel was built with there is nothing to sign with, and without pahole no BTF.
quiet := $(if $(wildcard $(KDIR)/certs/signing_key.pem),,CONFIG_MODULE_SIG_ALL=) \
	 $(if $(shell command -v pahole),,CONFIG_DEBUG_INFO_BTF_MODULES=)
kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR) $(quiet)

.PHONY: modules modules_install dkms_source clean demo check help headers

modules: headers
	+$(kbuild) modules

modules_install: modules
	+$(kbuild) modules_install

headers:
	@if [ -z "$(KDIR)" ]; then \
		echo "callout: no kernel headers are installed. On Debian: apt install linux-headers-amd64;"; \
		echo "callout: or name the kernel's build directory: make KDIR=/path/to/linux"; exit 1; \
	elif [ ! -e $(KDIR)/include/config/auto.conf ]; then \
		echo "callout: $(KDIR) is not a kernel that has been built or prepared for modules."; \
		echo "callout: build it there first, or install the headers of your kernel."; exit 1; \
	fi >&2
	@for option in $(needs); do \
		grep -qx "CONFIG_$$option=y" $(KDIR)/include/config/auto.conf && continue; \
		echo "callout: the kernel in $(KDIR) has no CONFIG_$$option, which callout needs."; \
		echo "callout: set it in that kernel's configuration and build the kernel again."; exit 1; \
	done >&2

# What DKMS builds from: the module and nothing else.
DKMS_SOURCE ?= /usr/src/callout-$(VERSION)
dkms_source:
	rm -rf $(DKMS_SOURCE)
	mkdir -p $(DKMS_SOURCE)
	find Kbuild Makefile VERSION dkms.conf include module LICENSES -type f ! -name '.*' ! -name '*.o' \
		-exec cp --parents --preserve=mode -t $(DKMS_SOURCE) {} +

# Needs no kernel, unlike kbuild's.
clean:
	find . -path ./.git -prune -o -type f \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
		-o -name '.*.cmd' -o -name '.*.d' -o -name modules.order -o -name Module.symvers \) -exec rm -f {} +
	rm -rf build

demo:
	selftests/vm/deps $$(cat bench/deps)
	bench/demo

check:
	selftests/check

help:
	@echo 'make                  callout.ko for KDIR (now $(or $(KDIR),none: no headers are installed))'
	@echo 'make modules_install  installs it for that kernel (INSTALL_MOD_PATH= as the kernel has it)'
	@echo 'make dkms_source      puts the sources where DKMS looks: $(DKMS_SOURCE)'
	@echo 'make demo             callouts, hrtimers and timer-wheel timers side by side, in a virtual machine'
	@echo 'make check            all tests, in virtual machines; installs what is missing (Debian)'
	@echo 'make clean            removes what the others made'
	@echo
	@echo 'KDIR=DIR              the build directory, or the headers, of another kernel'
