# SPDX-License-Identifier: BSD-2-Clause
# The commands of this project.  CMake builds; this file gives each task one word and does its
# set-up.  `make -n TARGET` shows what a word stands for.

PREFIX ?= /usr
DESTDIR ?=
BUILD ?= build-release
JOBS ?= $(shell nproc)
# With no terminal to ask at, a task that was asked for by name installs what it needs.
YES := $(if $(CI),-y,$(shell [ -t 0 ] || echo -y))

.PHONY: help build demo check bench bench-full install uninstall deb clean

help:
	@echo "make demo       build, make a real capture, run tcpdump with and without ipjit"
	@echo "make check      every test, sanitizer, fuzzer and lint that this project has"
	@echo "make bench      measure, write docs/measurements.md, draw docs/plots/; at most ten minutes"
	@echo "make bench-full the same with more repeats and longer runs; at most 25 minutes"
	@echo "make build      library, command and preload library, in $(BUILD)/"
	@echo "make install    into PREFIX=$(PREFIX); make uninstall removes exactly that"
	@echo "make deb        the Debian packages ipjit, ipjit-tier2, ipjitd and ipjit-dkms, in $(BUILD)/"
	@echo "make clean      remove every build directory"

demo:
	@scripts/deps.sh $(YES) demo
	@scripts/demo.py

check:
	@scripts/deps.sh $(YES) check
	@scripts/check.sh

bench:
	@scripts/deps.sh $(YES) bench
	@scripts/bench.sh

bench-full:
	@scripts/deps.sh $(YES) bench
	@scripts/bench.sh --full

build:
	@scripts/deps.sh $(YES) build
	@scripts/build.sh $(BUILD) -DCMAKE_INSTALL_PREFIX=$(PREFIX)

install: build
	DESTDIR=$(DESTDIR) cmake --install $(BUILD) >$(BUILD)/install.log
	@grep -c . $(BUILD)/install_manifest.txt | sed 's/$$/ files installed; the list: $(BUILD)\/install_manifest.txt/'
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig

uninstall:
	@DESTDIR=$(DESTDIR) scripts/uninstall.sh $(BUILD)/install_manifest.txt

deb:
	@scripts/deps.sh $(YES) deb
	@scripts/build.sh $(BUILD) -DCMAKE_INSTALL_PREFIX=/usr
	@cd $(BUILD) && cpack -G DEB >cpack.log || { cat cpack.log; exit 1; }
	@ls -1 $(BUILD)/*.deb

clean:
	rm -rf build-release build-asan build-tsan build-tidy build-check
