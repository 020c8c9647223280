#!/usr/bin/env bash
# Installs what is missing: `install.sh page` for building the page, `install.sh test` for the tests too.
# Each tool is made in a temporary folder and renamed when it is whole, so that an interrupted
# install leaves nothing behind that looks like a tool.

. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

need() { command -v "$1" >/dev/null || die "$1 is missing: $2"; }

toolchain() {
    need rustup "install it as rustup.rs says, then open a new shell"
    need node "install Node.js 20 or newer (Debian: apt-get install nodejs npm)"
    need npm "install it (Debian: apt-get install npm)"
    need cc "install a C compiler (Debian: apt-get install build-essential)"
    if ! rustup target list --installed --toolchain "$TOOLCHAIN" 2>/dev/null | grep -q "^$WASM\$" \
        || ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        say "Installing Rust $TOOLCHAIN for this machine and for $WASM"
        rustup toolchain install "$TOOLCHAIN" --profile minimal -c rustfmt -c clippy -t "$WASM" --no-self-update
    fi
}

# download URL FILE: quick or not at all; building from source is the other way.
download() {
    if command -v curl >/dev/null; then
        curl -fsSL --connect-timeout 10 --max-time 90 --retry 0 -o "$2" "$1" 2>/dev/null
    elif command -v wget >/dev/null; then
        timeout 90 wget -q --connect-timeout=10 --tries=1 -O "$2" "$1"
    else
        return 1
    fi
}

# prebuilt URL DIR PROGRAM VERSION...: the projects' own archives, if they can be had and run here.
prebuilt() {
    local url=$1 dir=$2 program=$3 version=$4
    [ "$(uname -s)" = Linux ] || return 1
    mkdir -p "$dir/bin" "$dir/unpacked"
    download "$url" "$dir/archive.tar.gz" \
        && tar -xzf "$dir/archive.tar.gz" -C "$dir/unpacked" 2>/dev/null \
        && find "$dir/unpacked" -type f -perm -u+x -exec mv {} "$dir/bin/" \; \
        && "$dir/bin/$program" --version 2>/dev/null | grep -qF " $version"
    local status=$?
    rm -rf "$dir/archive.tar.gz" "$dir/unpacked"
    [ "$status" = 0 ] || rm -rf "$dir"
    return "$status"
}

# from_source DIR OPT_LEVEL CARGO_ARGS...: cheap to compile matters more here than fast to run.
from_source() {
    local dir=$1 opt_level=$2
    shift 2
    env -u CARGO_BUILD_TARGET -u RUSTFLAGS \
        CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        CARGO_PROFILE_RELEASE_OPT_LEVEL="$opt_level" CARGO_PROFILE_RELEASE_DEBUG=false \
        CARGO_TARGET_DIR="$dir.target" \
        cargo install --locked --no-track --root "$dir" "$@"
}

trunk() {
    local release=https://github.com/trunk-rs/trunk/releases/download/v$TRUNK_VERSION
    prebuilt "$release/trunk-$(uname -m)-unknown-linux-gnu.tar.gz" "$1" trunk "$TRUNK_VERSION" \
        || { say "No prebuilt Trunk to be had: building it (about two minutes)" \
            && from_source "$1" 0 trunk --version "$TRUNK_VERSION" --no-default-features; }
}

wasm_bindgen() {
    local version=$WASM_BINDGEN_VERSION
    local release=https://github.com/wasm-bindgen/wasm-bindgen/releases/download/$version
    prebuilt "$release/wasm-bindgen-$version-$(uname -m)-unknown-linux-musl.tar.gz" \
        "$1" wasm-bindgen-test-runner "$version" \
        || { say "No prebuilt wasm-bindgen to be had: building it (about two minutes)" \
            && from_source "$1" 1 wasm-bindgen-cli --version "$version"; }
}

# Chromium and its driver come from the distribution, which is the only place where they are whole.
chromium() {
    if [ -n "$(find_chromium)" ] && [ -n "$(find_chromedriver)" ]; then
        return
    fi
    local packages="chromium chromium-driver" sudo=
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    if ! command -v apt-get >/dev/null || ! ${sudo:-env} true 2>/dev/null; then
        die "the tests need Chromium and its driver: install them (Debian: apt-get install $packages)"
    fi
    say "Installing $packages"
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $packages >/dev/null \
        || die "could not install $packages: install them by hand"
}

toolchain
want "$TRUNK_HOME" trunk
want "$WASM_BINDGEN_HOME" wasm_bindgen
want "$BINARYEN_HOME" npm_packages "binaryen@$BINARYEN_VERSION"
want "$HAPPY_DOM_HOME" npm_packages "@happy-dom/global-registrator@$HAPPY_DOM_VERSION"
if [ "${1:-page}" = test ]; then
    want "$KAFKAJS_HOME" npm_packages "kafkajs@$KAFKAJS_VERSION"
    # With those of Node's modules that kafkajs needs in a page.
    want "$ESBUILD_HOME" npm_packages "esbuild@$ESBUILD_VERSION" assert@2 buffer@6 events@3 util@0.12
    want "$TYPESCRIPT_HOME" npm_packages "typescript@$TYPESCRIPT_VERSION"
    want "$PLAYWRIGHT_HOME" npm_packages "playwright-core@$PLAYWRIGHT_VERSION"
    chromium
fi
# What Cargo.lock names, so that everything after this works offline.
cargo fetch --locked --quiet && cargo fetch --locked --quiet --manifest-path tests/tools/split/Cargo.toml \
    || die "could not fetch the crates that Cargo.lock names"
