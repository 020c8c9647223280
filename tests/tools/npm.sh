#!/usr/bin/env bash
# Leaves the npm package in target/npm/kafka-terrarium: `npm pack` or `npm install` it from there.

. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

readonly OUT=target/npm/kafka-terrarium
readonly SOURCE=src/bin/kafka-terrarium

tests/tools/install.sh page
say "Building the npm package into $OUT"
neutral_paths
cargo build --locked --profile page --target "$WASM" --bin kafka-terrarium || die "the world was not built: see above"
# Made beside its place, and put there when it is whole.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wasm-bindgen --target web --no-typescript --out-name world --out-dir "$work" \
    "target/$WASM/page/kafka-terrarium.wasm"
wasm-opt -Oz --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals \
    --enable-reference-types --enable-multivalue "$work/world_bg.wasm" -o "$work/world.opt"
mv "$work/world.opt" "$work/world_bg.wasm"
cp "$SOURCE"/{index.js,socket.js,options.js,index.d.ts,README.md} LICENSE-APACHE LICENSE-MIT "$work/"
version=$(sed -n '0,/^version = "\(.*\)"$/s//\1/p' Cargo.toml)
sed "s/\"version\": \"[^\"]*\"/\"version\": \"$version\"/" "$SOURCE/package.json" > "$work/package.json"
rm -rf "$OUT"
mkdir -p "$(dirname "$OUT")"
cp -r "$work" "$OUT"
chmod 755 "$OUT"
say "$OUT is done: $(cat "$OUT"/* | wc -c) bytes, $(gzip -9 -c "$OUT/world_bg.wasm" | wc -c) of them the world (compressed)"
