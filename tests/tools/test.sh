#!/usr/bin/env bash
# Every check of the project. Goes on after a failure, so that one run tells all; a suite that executed no
# test counts as a failure. Closes with the totals.

. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

tests/tools/install.sh test
mkdir -p target/test
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
# A machine that builds once has no use for what a second build would start from: half of target/.
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0

passed=0
failed=0
summary=()

# check NAME COMMAND...: something that holds or does not; counted only when it does not.
check() {
    local name=$1
    shift
    say "$name"
    if "$@"; then
        summary+=("ok      $name")
    else
        failed=$((failed + 1))
        summary+=("FAILED  $name")
    fi
}

# suite NAME COUNTER COMMAND...: runs COMMAND, and COUNTER tells from its output "passed failed".
suite() {
    local name=$1 counter=$2 log=target/test/${1// /-}.log status=0 good bad
    shift 2
    say "$name"
    "$@" 2>&1 | tee "$log" || status=$?
    read -r good bad < <("$counter" "$log")
    if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
        summary+=("FAILED  $name: it stopped with status $status")
    elif [ "$good" = 0 ] && [ "$bad" = 0 ]; then
        bad=1
        summary+=("FAILED  $name: it executed no test")
    elif grep -q '^no tests to run' "$log"; then
        bad=$((bad + 1))
        summary+=("FAILED  $name: one of its programs holds no test that runs there")
    elif [ "$bad" != 0 ]; then
        summary+=("FAILED  $name: $good passed, $bad failed")
    else
        summary+=("ok      $name: $good passed")
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
}

count_cargo() {
    awk '/^test result: / { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i - 1); if ($i ~ /^failed/) f += $(i - 1) } }
        END { print p + 0, f + 0 }' "$1"
}

count_node() {
    awk '/^# pass [0-9]+$/ { p += $3 } /^# (fail|cancelled) [0-9]+$/ { f += $3 } END { print p + 0, f + 0 }' "$1"
}

# What wasm-bindgen-test-runner is told: the browser to take, and its flags.
webdriver() {
    cat > target/test/webdriver.json <<JSON
{
  "goog:chromeOptions": {
    "binary": "$(find_chromium)",
    "args": ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"]
  }
}
JSON
}

# The unit tests, and those files under tests/ that are written for wasm too.
wasm_targets=(--lib)
for file in $(grep -l 'wasm_bindgen_test' tests/*.rs | grep -v '/tidy.rs$' || true); do
    wasm_targets+=(--test "$(basename "$file" .rs)")
done

wasm_tests() {
    env CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner \
        WASM_BINDGEN_TEST_WEBDRIVER_JSON="$PWD/target/test/webdriver.json" \
        CHROMEDRIVER="$(find_chromedriver)" WASM_BINDGEN_TEST_TIMEOUT=600 \
        "$@" cargo test --locked --no-fail-fast --target "$WASM" "${wasm_targets[@]}"
}

page_tests() {
    tests/tools/build.sh && node --test-reporter=tap tests/e2e/run.mjs
}

npm_tests() {
    tests/tools/npm.sh && env TSC="$TYPESCRIPT_HOME/node_modules/typescript/bin/tsc" \
        node --test --test-reporter=tap tests/npm/*.test.mjs
}

webdriver
split=(--locked --manifest-path tests/tools/split/Cargo.toml --target-dir target/split)
check "formatting" cargo fmt --check
check "formatting of the tool that cuts the page" cargo fmt --check --manifest-path tests/tools/split/Cargo.toml
check "lints" cargo clippy --locked --all-targets -- -D warnings
check "lints for wasm" cargo clippy --locked --target "$WASM" --lib --bin terrarium-page --bin kafka-terrarium -- -D warnings
check "lints of the tests for wasm" cargo clippy --locked --target "$WASM" --profile test "${wasm_targets[@]}" -- -D warnings
check "lints of the tool that cuts the page" cargo clippy "${split[@]}" --all-targets -- -D warnings
suite "tests of the tool that cuts the page" count_cargo cargo test "${split[@]}"
suite "native tests" count_cargo cargo test --locked --no-fail-fast
suite "wasm tests under Node" count_cargo wasm_tests WASM_BINDGEN_TEST_ONLY_NODE=1
suite "wasm tests in Chromium" count_cargo wasm_tests WASM_BINDGEN_USE_BROWSER=1
suite "the page in Chromium" count_node page_tests
suite "the npm package" count_node npm_tests
suite "real clients over TCP" count_node tests/conformance/run.sh

printf '\n'
printf '%s\n' "${summary[@]}"
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
