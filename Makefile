# The door for people.  Doors install what they miss and say so; everything
# built goes to build/, everything that runs to run/.

SHELL      := /bin/bash
MAKEFLAGS  += --no-print-directory
REPO       := $(CURDIR)
BUILD      := $(REPO)/build
JOBS       ?= $(shell nproc 2>/dev/null || echo 2)

# a comma, for lists inside functions
, := ,

# another, configured nginx source tree; where its module goes
NGINX_SRC  ?= /usr/share/nginx/src
NGINX_OUT  ?= $(BUILD)/nginx
SANITIZE   ?=

M          := ngx_assess_module
UNITS      := $(basename $(notdir $(wildcard t/unit/*.c)))
FUZZES     := $(filter-out main,$(basename $(notdir $(wildcard t/fuzz/*.c))))
BENCHES    := $(basename $(notdir $(wildcard t/bench/*.c)))
SOURCES    := $(sort $(wildcard config $(M)/*.c $(M)/*/*.c) \
                $(shell find $(M)/web -type f))
HEADERS    := $(wildcard $(M)/*.h $(M)/*/*.h t/unit/*.h t/fuzz/*.h)
SQL        := $(wildcard sql/*.sql)

WARN       := -Wall -Wextra -Werror
HARDEN     := -fstack-protector-strong -Wformat -Werror=format-security
FORTIFY    := -D_FORTIFY_SOURCE=2 -Wdate-time
# gcc warns of what its own sanitizers put in: not an error there
SAN        := $(if $(SANITIZE),-fsanitize=address$(,)undefined -Wno-error \
                -fno-omit-frame-pointer -DNGX_DEBUG_PALLOC=1)
CFLAGS     := -std=gnu11 $(WARN) -g
DEFINES    := -D_GNU_SOURCE -DASSESS_SQL_DIR='"$(REPO)/sql"'

include t/lib/build.mk

.DEFAULT_GOAL := module
.PHONY: help demo test faults run bench module extract unit fuzz sanitize \
        sample clean build

help:
	@echo 'make demo      assess the sample document, with live progress'
	@echo 'make test      build, then run every test'
	@echo 'make faults    500 jobs, 200 faults, three seeds: 20 minutes'
	@echo 'make run       the server in the foreground (see README.md)'
	@echo 'make bench     the benchmarks: docs/benchmarks.md, half an hour'
	@echo 'make module    build/nginx/ngx_http_assess_module.so'
	@echo 'make extract   build/assess-extract'
	@echo 'make unit      the unit tests alone'
	@echo 'make fuzz      every parser under libFuzzer (FUZZ_SECONDS=60)'
	@echo 'make sanitize  the suite under address and undefined sanitizers'
	@echo 'make clean     remove build/'

demo:
	@t/lib/install.sh run build sample
	@$(MAKE) -j$(JOBS) build sample
	@exec t/bin/demo

run:
	@t/lib/install.sh run build
	@$(MAKE) -j$(JOBS) build
	@exec t/bin/run

test:
	@t/lib/install.sh run build sample test
	@t/lib/install.sh browser \
	 || echo 'no browser can be had: what needs one is skipped'
	@t/lib/install.sh metrics || echo 'no prometheus: metrics.t skips'
	@$(MAKE) -j$(JOBS) build sample unit-build fuzz-replay faults-build box-build
	@exec t/bin/test

faults:
	@t/lib/install.sh run build sample test
	@$(MAKE) -j$(JOBS) build sample faults-build
	@exec t/bin/faults

bench:
	@t/lib/install.sh run build sample test bench
	@$(MAKE) -j$(JOBS) build sample provider bench-build
	@t/bin/bench && exec t/bin/bench -w

build: module extract

clean:
	rm -rf $(BUILD)
