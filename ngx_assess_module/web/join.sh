#!/bin/sh
# The parts of client/ as the one module that they are: assess.js, to stdout.

set -eu
cd "$(dirname "$0")/client"

# what the parts know of each other needs no import in one file
sed -e "/^import .* from '\.\//d" \
    -e "s/^\(export {.*}\) from '\.\/.*';/\1;/" assess.js

for part in base store follow line tabs stream; do
    echo
    echo
    sed -e "/^import .* from '\.\//d" -e 's/^export //' "$part.js" \
        | sed '/./,$!d'
done
