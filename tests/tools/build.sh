#!/usr/bin/env bash
# Leaves the release page in dist/, unless what is there is newer than everything that it is made of.

. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

# Touched before a build starts, so that a file saved meanwhile counts as newer.
stamp=target/page.stamp
sources=(src static index.html Trunk.toml Cargo.toml Cargo.lock rust-toolchain.toml tests/tools/env.sh)

fresh() {
    [ -e dist/index.html ] && [ -e "$stamp" ] && [ -z "$(find "${sources[@]}" -newer "$stamp" -print -quit)" ]
}

if fresh; then
    say "dist/ is newer than the sources: nothing to build"
    exit
fi
tests/tools/install.sh page
mkdir -p target
touch "$stamp.new"
say "Building the page into dist/"
trunk --log warn build || die "the page was not built: see above"
mv "$stamp.new" "$stamp"
wasm=$(find dist -name '*.wasm' -print -quit)
say "dist/ is done: $(du -sh dist | cut -f1) in all, the program $(gzip -c "$wasm" | wc -c) bytes when compressed"
