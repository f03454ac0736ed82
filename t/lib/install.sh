#!/bin/bash
# Installs what the given purposes need and is not there: run build sample
# test browser metrics fuzz bench, and redis nchan npm for the peers of bench.  Says
# what it installs; with all in place it does nothing.

set -euo pipefail

declare -A packages=(
    [run]="nginx postgresql perl ca-certificates tesseract-ocr-eng"
    [build]="gcc g++ make pkg-config libc6-dev nginx-dev libcurl4-openssl-dev
             libpq-dev libjansson-dev libssl-dev libseccomp-dev libxml2-dev
             libpoppler-private-dev poppler-data libzip-dev libtesseract-dev
             libleptonica-dev libheif-dev libde265-dev"
    [sample]="groff"
    [test]="curl poppler-utils procps libheif-examples nodejs"
    [browser]="nodejs npm chromium"
    [metrics]="prometheus"
    [sanitize]="patch xz-utils"
    [fuzz]="clang libclang-rt-14-dev"
    [bench]="wrk"
    [redis]="redis-server"
    [nchan]="libnginx-mod-nchan"
    [npm]="npm"
)

missing=()

# npm may have come with a nodejs that is not Debian's, and excludes its npm
installed() {
    dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q ' installed$' \
        || { [ "$1" = npm ] && command -v npm >/dev/null; }
}

for purpose in "$@"; do
    for package in ${packages[$purpose]}; do
        installed "$package" || missing+=("$package")
    done
done

if [ ${#missing[@]} -eq 0 ]; then
    exit 0
fi

if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    echo "install: missing, and neither root nor sudo to install:" \
        "${missing[*]}" >&2
    exit 1
fi

root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

echo "install: ${missing[*]}"

# Debian starts the services it installs; nothing here needs them started.
policy=/usr/sbin/policy-rc.d

if [ ! -e "$policy" ]; then
    trap 'root rm -f "$policy"' EXIT
    root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy"
fi

apt_install() {
    root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
        --no-install-recommends -o Dpkg::Use-Pty=0 -qq "${missing[@]}"
}

# the lists of a fresh machine are empty or old
apt_install >/dev/null 2>&1 || {
    root apt-get update -qq
    apt_install
}
