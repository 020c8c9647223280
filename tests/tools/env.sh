# Sourced by the other scripts: which tools in which version, where they live, and a few words.
# Nothing is installed globally; a second clone finds the same tools.

set -euo pipefail

readonly TRUNK_VERSION=0.21.14
readonly BINARYEN_VERSION=132.0.0
readonly HAPPY_DOM_VERSION=21.0.4
readonly KAFKAJS_VERSION=2.2.4
readonly TYPESCRIPT_VERSION=5.9.3
readonly ESBUILD_VERSION=0.28.2

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly ROOT
cd "$ROOT"

say() { printf '== %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# The tool that makes the glue must be of exactly the version of the crate.
WASM_BINDGEN_VERSION=$(sed -n 's/^wasm-bindgen = "=\(.*\)"$/\1/p' Cargo.toml)
TOOLCHAIN=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
PLAYWRIGHT_VERSION=$(sed -n 's/^ *"playwright-core": "\(.*\)"$/\1/p' tests/e2e/package.json)
readonly WASM_BINDGEN_VERSION TOOLCHAIN PLAYWRIGHT_VERSION
readonly WASM=wasm32-unknown-unknown

readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/terrarium"
readonly TRUNK_HOME="$CACHE/trunk-$TRUNK_VERSION"
readonly WASM_BINDGEN_HOME="$CACHE/wasm-bindgen-$WASM_BINDGEN_VERSION"
readonly BINARYEN_HOME="$CACHE/binaryen-$BINARYEN_VERSION"
readonly HAPPY_DOM_HOME="$CACHE/happy-dom-$HAPPY_DOM_VERSION"
readonly KAFKAJS_HOME="$CACHE/kafkajs-$KAFKAJS_VERSION"
readonly ESBUILD_HOME="$CACHE/esbuild-$ESBUILD_VERSION"
readonly TYPESCRIPT_HOME="$CACHE/typescript-$TYPESCRIPT_VERSION"
readonly PLAYWRIGHT_HOME="$CACHE/playwright-core-$PLAYWRIGHT_VERSION"

export PATH="$TRUNK_HOME/bin:$WASM_BINDGEN_HOME/bin:$BINARYEN_HOME/node_modules/.bin:$PATH"

# What is built to be given away tells nothing of the machine that built it: panics name their places by
# crate, not by whose folder it was in.
neutral_paths() {
    local flags=(
        "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=crates"
        "--remap-path-prefix=$(rustc --print sysroot)/lib/rustlib/src/rust=std"
        "--remap-path-prefix=$ROOT=terrarium"
    )
    local IFS=$'\x1f'
    export CARGO_ENCODED_RUSTFLAGS="${CARGO_ENCODED_RUSTFLAGS:+$CARGO_ENCODED_RUSTFLAGS$IFS}${flags[*]}"
}

# Trunk reads it as a flag and refuses the usual value 1.
unset NO_COLOR

# The browser: CHROMIUM=, else whichever is installed. Prints nothing when there is none.
find_chromium() {
    if [ -n "${CHROMIUM:-}" ]; then
        echo "$CHROMIUM"
        return
    fi
    local name
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" && return
    done
    return 0
}

# Its driver: CHROMEDRIVER=, else the one on PATH.
find_chromedriver() {
    if [ -n "${CHROMEDRIVER:-}" ]; then
        echo "$CHROMEDRIVER"
    else
        command -v chromedriver || true
    fi
}

# make_tool HOME COMMAND...: runs COMMAND with a fresh folder as its last argument, then calls that HOME.
make_tool() {
    local home=$1 temp
    shift
    mkdir -p "$CACHE"
    find "$CACHE" -maxdepth 1 -name '.making.*' -mmin +120 -exec rm -rf {} +
    temp=$(mktemp -d "$CACHE/.making.XXXXXX")
    # shellcheck disable=SC2064  # this folder, now
    trap "rm -rf '$temp'" EXIT
    "$@" "$temp/it" || die "could not install $(basename "$home"): see above"
    if [ -e "$home" ]; then
        say "Somebody else has just installed $(basename "$home")"
    else
        mv -T "$temp/it" "$home"
    fi
    rm -rf "$temp"
    trap - EXIT
}

# npm_packages PACKAGE... DIR: with what they depend on, and without what they would compile.
npm_packages() {
    local packages=("${@:1:$#-1}") dir=${!#}
    mkdir -p "$dir"
    echo '{ "private": true }' > "$dir/package.json"
    npm install --prefix "$dir" --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error "${packages[@]}"
}

# want HOME COMMAND...: the same, unless it is there.
want() {
    local home=$1
    shift
    [ -e "$home" ] && return
    say "Installing $(basename "$home") into $CACHE"
    make_tool "$home" "$@"
}
