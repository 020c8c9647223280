#!/usr/bin/env bash
# Leaves the release page in dist/, unless what is there is newer than everything that it is made of.

. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

# Touched before a build starts, so that a file saved meanwhile counts as newer.
stamp=target/page.stamp
sources=(src static index.html Trunk.toml Cargo.toml Cargo.lock rust-toolchain.toml
    tests/tools/env.sh tests/tools/split.sh tests/tools/split/src tests/tools/first.mjs)

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
neutral_paths
# Each constant a segment of its own, and what is about which: tests/tools/split needs to know.
CARGO_ENCODED_RUSTFLAGS+=$'\x1f-Clink-arg=--no-merge-data-segments\x1f-Clink-arg=--emit-relocs'
# A function with one caller stays one, unless it is small: what is rarely called can be cut off then, whichever
# way the compiler met it first (a first look is 8 % smaller).
CARGO_ENCODED_RUSTFLAGS+=$'\x1f-Cllvm-args=-inline-max-stacksize=32'
trunk --log warn build || die "the page was not built: see above"
mv "$stamp.new" "$stamp"
compressed() { find dist -maxdepth 1 "$@" -exec gzip -9 -c {} \; | wc -c; }
first=$(compressed \( -name '*_bg.wasm' -o -name '*.js' -o -name '*.css' \))
say "dist/ is done: a first look loads $first bytes (compressed), its use $(compressed -name '*_rest.wasm') more"
