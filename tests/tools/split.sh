#!/usr/bin/env bash
# Called by Trunk when the page is built: cuts the program in two. What opening the page and watching it runs
# stays in *_bg.wasm, what it does not goes to *_rest.wasm, which src/ui/rest.js fetches. Without this, the
# page is the same, but all of it is loaded before anything is seen.

. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

# A build for debugging stays whole.
[ "${TRUNK_PROFILE:-release}" = release ] || exit 0
stage=${TRUNK_STAGING_DIR:?Trunk calls this script}
glue=$(find "$stage" -maxdepth 1 -name 'terrarium-page-*.js')
whole=${glue%.js}_bg.wasm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Flags of the page's are none of this tool's.
env -u CARGO_ENCODED_RUSTFLAGS cargo build --quiet --release --locked --manifest-path tests/tools/split/Cargo.toml --target-dir target/split
split=target/split/release/split
"$split" tally "$whole" "$work/tally.wasm"
# As a module under this name, for Node.
cp "$glue" "$work/glue.mjs"
if ! HAPPY_DOM=$HAPPY_DOM_HOME node tests/tools/first.mjs "$work/glue.mjs" "$work/tally.wasm" > "$work/seen"; then
    say "A first look could not be played here: the program stays whole, and takes longer to load"
    exit 0
fi
linked=${CARGO_TARGET_DIR:-target}/$WASM/page/terrarium-page.wasm
"$split" cut "$whole" "$work/seen" "$linked" "$work/first.wasm" "$work/rest.wasm"
# Whatever the first part reads that is not there makes it go another way, and sooner or later ask.
HAPPY_DOM=$HAPPY_DOM_HOME node tests/tools/first.mjs "$work/glue.mjs" "$work/first.wasm" > "$work/seen.first" ||
    die "the first part of the program does not suffice for a first look"
mv "$work/first.wasm" "$whole"
mv "$work/rest.wasm" "${whole%_bg.wasm}_rest.wasm"
