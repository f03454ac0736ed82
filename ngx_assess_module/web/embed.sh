#!/bin/sh
# embed.sh OUT: makes of the files here, of the parts in client/ and of those in
# page/ the table that http/ngx_http_assess_asset.c includes, OUT/assess_web.h,
# and each of them compressed.  The same files make the same bytes.
#
# The version is a hash of all of them.  "@VERSION@" in a page stands for it:
# below a folder of that name files never change.

set -eu
export LC_ALL=C

from=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)

cd "$from"

files=assess.js
for file in *.js *.d.ts page/*.html page/*.css page/*.js page/*.svg; do
    if [ -f "$file" ] && [ "$file" != assess.js ]; then
        files="$files $file"
    fi
done

text_of() {
    case $1 in
        assess.js) sh join.sh ;;
        *)         cat "$1" ;;
    esac
}

hash_of() {
    sha256sum | cut -c1-16
}

type_of() {
    case $1 in
        *.html) echo 'text/html; charset=utf-8' ;;
        *.css)  echo 'text/css; charset=utf-8' ;;
        *.js)   echo 'text/javascript; charset=utf-8' ;;
        *.svg)  echo 'image/svg+xml' ;;
        *)      echo 'text/plain; charset=utf-8' ;;
    esac
}

# names belong to it, too
version=$(for file in $files; do echo "$file"; text_of "$file"; done | hash_of)

{
    echo '/* made by web/embed.sh */'
    echo "#define ASSESS_WEB_VERSION  \"$version\""

    n=0
    for file in $files; do
        case $file in
            *.html) sed "s/@VERSION@/$version/g" "$file" >"$out/$n" ;;
            *)      text_of "$file" >"$out/$n" ;;
        esac
        gzip -9nc "$out/$n" >"$out/$n.gz"

        echo "assess_web_bytes(assess_web_$n, \"$out/$n\");"
        echo "assess_web_bytes(assess_web_gz_$n, \"$out/$n.gz\");"
        n=$((n + 1))
    done

    echo 'static const ngx_http_assess_asset_t  ngx_http_assess_assets[] = {'

    n=0
    for file in $files; do
        echo "    assess_web_asset(\"$file\", \"$(type_of "$file")\"," \
            "assess_web_$n, assess_web_gz_$n, \"$(hash_of <"$out/$n")\"),"
        n=$((n + 1))
    done

    echo '};'
} >"$out/assess_web.h.new"

mv "$out/assess_web.h.new" "$out/assess_web.h"
