# How each thing is built; the doors are in Makefile.  V=1 shows the commands.

Q := $(if $(V),,@)

.PHONY: unit-build box-build fuzz-build fuzz-replay bench-build provider \
        faults-build FORCE

$(BUILD) $(BUILD)/unit $(BUILD)/fuzz $(BUILD)/extract $(BUILD)/bench \
$(BUILD)/sample:
	@mkdir -p $@


# The module, the way Debian's own packages are built: the configure of
# nginx-dev, run where it lies, that writes to --builddir alone.

$(NGINX_OUT).sources: FORCE
	@mkdir -p $(dir $@)
	@printf '%s\n' '$(SOURCES)' '$(NGINX_SRC)' '$(SAN)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(NGINX_OUT)/Makefile: config config.make $(NGINX_OUT).sources
	@echo "  configure for $(NGINX_SRC)"
	@cd $(NGINX_SRC) && \
	NGX_CONF_FLAGS=(--with-compat --with-threads --with-debug \
	    --with-http_ssl_module --with-http_v2_module); \
	if [ -f conf_flags ]; then . ./conf_flags; fi; \
	./configure "$${NGX_CONF_FLAGS[@]}" --with-compat \
	    --with-cc-opt="-g -O2 -D_GNU_SOURCE $(HARDEN) $(if $(SAN),$(SAN),$(FORTIFY))" \
	    --with-ld-opt="-Wl,-z,relro -Wl,-z,now $(SAN)" \
	    --builddir=$(NGINX_OUT) --add-dynamic-module=$(REPO) \
	    >$(NGINX_OUT).configure.log 2>&1 \
	    || { tail -20 $(NGINX_OUT).configure.log; rm -f $@; exit 1; }

# nginx's own Makefile knows what depends on what
module: $(NGINX_OUT)/Makefile
	@echo '  make ngx_http_assess_module.so'
	@cd $(NGINX_SRC) && \
	$(MAKE) -f $(NGINX_OUT)/Makefile modules >$(NGINX_OUT).make.log 2>&1 \
	    || { grep -E -A9 ' error: | undefined |\*\*\*' $(NGINX_OUT).make.log; exit 1; }
	@test -s $(NGINX_OUT)/ngx_http_assess_module.so


# assess-extract: the only program that links Poppler

EXTRACT_PKGS := poppler libseccomp libxml-2.0 libzip tesseract lept libheif \
                libde265
EXTRACT_C    := $(wildcard $(M)/extract/*.c $(M)/base/*.c)
EXTRACT_CC   := $(wildcard $(M)/extract/*.cc)
EXTRACT_OBJS := $(patsubst %,$(BUILD)/extract/%.o,\
                  $(notdir $(EXTRACT_C) $(EXTRACT_CC)))
EXTRACT_INCS  = -I$(M) $$(pkg-config --cflags $(EXTRACT_PKGS))
EXTRACT_OPTS  = -O2 $(HARDEN) $(if $(SAN),$(SAN),$(FORTIFY)) -fPIE

vpath %.c  $(M)/extract $(M)/base
vpath %.cc $(M)/extract

extract: $(BUILD)/assess-extract

$(BUILD)/extract/%.c.o: %.c $(HEADERS) | $(BUILD)/extract
	@echo '  cc   $<'
	$(Q)$(CC) $(CFLAGS) $(EXTRACT_OPTS) -D_GNU_SOURCE $(EXTRACT_INCS) -c $< -o $@

$(BUILD)/extract/%.cc.o: %.cc $(HEADERS) | $(BUILD)/extract
	@echo '  c++  $<'
	$(Q)$(CXX) -std=gnu++17 $(WARN) -g $(EXTRACT_OPTS) $(EXTRACT_INCS) -c $< -o $@

$(BUILD)/assess-extract: $(EXTRACT_OBJS)
	@echo '  link assess-extract'
	$(Q)$(CXX) -pie $(SAN) -Wl,-z,relro -Wl,-z,now $^ -o $@ \
	    $$(pkg-config --libs $(EXTRACT_PKGS)) -lpthread


# The same with one reader that does harm, to test what becomes of it: the one
# whose place it takes goes by another name.  And no picture is compressed there

BAD := $(BUILD)/bad

box-build: $(BAD)/assess-extract

$(BAD):
	@mkdir -p $@

$(BAD)/%.o: t/lib/bad_%.c $(HEADERS) | $(BAD)
	@echo '  cc   $<'
	$(Q)$(CC) $(CFLAGS) $(EXTRACT_OPTS) -D_GNU_SOURCE -I$(M) -c $< -o $@

$(BAD)/html.o: $(BUILD)/extract/assess_html.c.o | $(BAD)
	$(Q)objcopy --redefine-sym assess_reader_html=assess_reader_spare \
	    --redefine-sym __odr_asan.assess_reader_html=__odr_asan.spare $< $@

$(BAD)/assess-extract: $(BAD)/reader.o $(BAD)/webp.o $(BAD)/html.o \
        $(filter-out %/assess_html.c.o %/assess_webp.c.o,$(EXTRACT_OBJS))
	@echo '  link bad/assess-extract'
	$(Q)$(CXX) -pie $(SAN) -Wl,-z,relro -Wl,-z,now $^ -o $@ \
	    $$(pkg-config --libs $(EXTRACT_PKGS)) -lpthread


# Unit tests and fuzz targets say in their head comments what they are made of:
#   /* sources: engine/assess_x.c base/assess_base.c */  and  /* libs: -lpq */

head_of = $(shell sed -n '1,40p' $(1) | tr '\n' ' ' \
            | grep -o '/\* *$(2):[^*]*\*/' | sed 's|/\* *$(2):||; s|\*/||')

# a folder stands for all that is in it
sources_of = $(foreach s,$(call head_of,$(1),sources),\
             $(if $(filter %/,$(s)),$(wildcard $(M)/$(s)*.c),$(M)/$(s)))

UNIT_OPTS  = $(SAN) $(DEFINES) -I$(M) -It/unit \
             -I$$(pg_config --includedir)

# $(1) program, $(2) source, $(3) more sources, $(4) compiler and options
define program
$(1): $(2) $(3) $(call sources_of,$(2)) $$(HEADERS) \
      $$(SQL) | $(dir $(1))
	@echo '  cc   $(2)'
	$$(Q)$(4) $$(UNIT_OPTS) $(2) $(3) $(call sources_of,$(2)) \
	    -o $$@ $(call head_of,$(2),libs) -lpthread

endef

$(BUILD)/unit/: | $(BUILD)/unit
$(BUILD)/fuzz/: | $(BUILD)/fuzz

$(foreach u,$(UNITS),$(eval $(call program,$(BUILD)/unit/$(u),t/unit/$(u).c,,\
    $(CC) $(CFLAGS) -O1)))

unit-build: $(UNITS:%=$(BUILD)/unit/%)

unit:
	@t/lib/install.sh build test
	@$(MAKE) -j$(JOBS) $(if $(findstring k,$(MAKEFLAGS)),-k) unit-build
	@prove $(filter-out $(BUILD)/unit/store_%,$(UNITS:%=$(BUILD)/unit/%))


# Fuzz targets: the corpus is replayed by gcc's sanitizers in every test run;
# libFuzzer looks for more of it with make fuzz.

FUZZ_SECONDS ?= 60

$(foreach f,$(FUZZES),$(eval $(call program,$(BUILD)/fuzz/$(f)-replay,\
    t/fuzz/$(f).c,t/fuzz/main.c,\
    $(CC) $(CFLAGS) -O1 -fsanitize=address$(,)undefined)))

$(foreach f,$(FUZZES),$(eval $(call program,$(BUILD)/fuzz/$(f),\
    t/fuzz/$(f).c,,\
    clang $(CFLAGS) -O1 -fsanitize=fuzzer$(,)address$(,)undefined)))

fuzz-replay: $(FUZZES:%=$(BUILD)/fuzz/%-replay)
fuzz-build: $(FUZZES:%=$(BUILD)/fuzz/%)

fuzz:
	@t/lib/install.sh build fuzz
	@$(MAKE) -j$(JOBS) fuzz-build
	@for f in $(FUZZES); do \
	    mkdir -p $(BUILD)/corpus/$$f && echo "fuzz: $$f" && \
	    $(BUILD)/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
	        -artifact_prefix=$(BUILD)/corpus/ -print_final_stats=1 \
	        $(BUILD)/corpus/$$f t/fuzz/corpus/$$f \
	        2>$(BUILD)/corpus/$$f.log \
	        || { tail -40 $(BUILD)/corpus/$$f.log; exit 1; }; \
	    grep -E 'DONE|number_of_exec' $(BUILD)/corpus/$$f.log; \
	done


# A provider to test against, and programs that measure

$(BUILD)/provider: $(wildcard t/lib/provider*.c t/lib/provider*.h) | $(BUILD)
	@echo '  cc   t/lib/provider.c'
	$(Q)$(CC) $(CFLAGS) -O1 $(SAN) $(DEFINES) -It/lib $(filter %.c,$^) -o $@ \
	    -ljansson

$(foreach b,$(BENCHES),$(eval $(call program,$(BUILD)/bench/$(b),\
    t/bench/$(b).c,,$(CC) $(CFLAGS) -O2)))

$(BUILD)/bench/: | $(BUILD)/bench

faults-build: $(BUILD)/full_disk.so provider
provider: $(if $(wildcard t/lib/provider.c),$(BUILD)/provider)
bench-build: $(BENCHES:%=$(BUILD)/bench/%)


# A disk that can be full, to preload

$(BUILD)/full_disk.so: t/lib/full_disk.c | $(BUILD)
	@echo '  cc   t/lib/full_disk.c'
	$(Q)$(CC) $(CFLAGS) -D_GNU_SOURCE -O1 -fPIC -shared $< -o $@ -ldl


# The sample document

sample: $(BUILD)/sample/fire-risk-assessment.pdf

$(BUILD)/sample/%.pdf: docs/examples/sample/%.ms | $(BUILD)/sample
	@echo '  groff $<'
	$(Q)groff -Tpdf -P-pa4 -dpaper=a4 -k -t -ms $< >$@.new
	@mv $@.new $@


# Debian's nginx with the sanitizers and without pools, and all tests on it

sanitize:
	@t/lib/install.sh run build sample test sanitize
	@t/lib/sanitize.sh $(BUILD)/sanitize
	@$(MAKE) -j$(JOBS) SANITIZE=1 BUILD=$(BUILD)/sanitize/build \
	    NGINX_SRC=$(BUILD)/sanitize/nginx \
	    NGINX_OUT=$(BUILD)/sanitize/build/nginx \
	    build sample unit-build fuzz-replay faults-build box-build
	@ASSESS_BUILD=$(BUILD)/sanitize/build \
	    ASSESS_NGINX=$(BUILD)/sanitize/nginx/objs/nginx \
	    ASAN_OPTIONS=detect_leaks=0 exec t/bin/test
