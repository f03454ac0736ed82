#!/bin/bash
# Debian's nginx out of its source package, below the given folder, with the
# sanitizers and without memory pools: its own binary cannot show overruns.

set -euo pipefail

dir=$1
tree=$dir/nginx

if [ -x "$tree/objs/nginx" ]; then
    exit 0
fi

mkdir -p "$dir"
cd "$dir"

# a list of sources of our own, in case the machine has none
lists=$dir/apt
mkdir -p "$lists/lists/partial"
apt-get indextargets --format 'deb-src $(SITE) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' | sort -u >"$lists/sources.list"

options=(-o APT::Sandbox::User=root -o "Dir::Etc::sourcelist=$lists/sources.list"
    -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$lists/lists")

# the newest version whose files the mirror has
fetch() {
    local version

    for version in $(apt-cache "${options[@]}" showsrc nginx \
        | sed -n 's/^Version: //p' | sort -rV)
    do
        rm -f nginx_*

        if apt-get "${options[@]}" source -qq --download-only \
            "nginx=$version"
        then
            return 0
        fi
    done

    return 1
}

if ! apt-get "${options[@]}" update -qq || ! fetch >fetch.log 2>&1; then
    cat fetch.log >&2
    echo "sanitize: nginx's source package is not to be had here" >&2
    exit 1
fi

rm -rf "$tree"
mkdir "$tree"
tar -xf nginx_*.orig.tar.* -C "$tree" --strip-components=1
tar -xf nginx_*.debian.tar.* -C "$tree"

cd "$tree"

# the patches that change what a module sees
for patch in $(grep -v '^#' debian/patches/series); do
    patch -s -p1 <"debian/patches/$patch"
done

# nginx itself copies nothing from nowhere, and shifts bytes into the sign
./configure --with-compat --with-debug --with-threads --with-http_ssl_module \
    --with-http_v2_module --with-http_realip_module \
    --with-http_auth_request_module --with-http_stub_status_module \
    --with-cc-opt="-g -O1 -fsanitize=address,undefined \
        -fno-sanitize=nonnull-attribute,alignment,shift \
        -fno-omit-frame-pointer -DNGX_DEBUG_PALLOC=1" \
    --with-ld-opt="-fsanitize=address,undefined" >configure.log

make -j"$(nproc)" >make.log 2>&1 || { tail -20 make.log; exit 1; }

# what nginx-dev's folder has: how this tree is configured
cat >conf_flags <<'END'
NGX_CONF_FLAGS=(--with-compat --with-debug --with-threads
    --with-http_ssl_module --with-http_v2_module --with-http_realip_module
    --with-http_auth_request_module --with-http_stub_status_module)
END
