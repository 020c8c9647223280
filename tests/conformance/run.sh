#!/usr/bin/env bash
# Real clients against `terrarium serve`: see README.md beside this. Prints TAP; ends with 1 when a test
# fails. Servers are of the debug build, or what TERRARIUM= names.

. "$(dirname "${BASH_SOURCE[0]}")/../tools/env.sh"
. tests/conformance/install.sh

if [ -z "${TERRARIUM:-}" ]; then
    cargo build --locked --quiet --bin terrarium
fi

# kafkajs tells timers to go off in the past.
export NODE_OPTIONS="${NODE_OPTIONS:-} --disable-warning=TimeoutNegativeWarning"
status=0
node --test --test-reporter=tap --test-concurrency=2 tests/conformance/js/*.test.mjs || status=1
"$CONFORMANCE_PYTHON" tests/conformance/python/run.py || status=1
exit "$status"
