#!/usr/bin/env bash
# Measures: first this machine's code, then the same as wasm under Node beside kafkajs, then the page in
# Chromium, and the server beside other brokers where a Python has what tests/bench/throughput.txt names
# (THROUGHPUT_PYTHON=, else python3). Nothing here passes or fails by how long it took.

. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

# The profile of the page, nearly what the browser runs; wasm-opt, which the page sees besides, is left out.
kernels() {
    local made=target/$WASM/page/examples/kernels.wasm
    rm -rf target/bench
    mkdir -p target/bench
    cargo build --locked --profile page --target "$WASM" --example kernels \
        && wasm-bindgen --target nodejs --out-dir target/bench "$made"
}

tests/tools/install.sh test

say "Natively: the storage engine and the world (divan; look at the medians)"
cargo bench --locked

say "As wasm, built like the page, under Node $(node --version)"
kernels || die "the kernels were not built: see above"
node tests/bench/wasm.mjs target/bench "$KAFKAJS_HOME/node_modules/kafkajs"

say "The page in Chromium"
tests/tools/build.sh
node tests/bench/page.mjs

python=${THROUGHPUT_PYTHON:-python3}
if "$python" -c 'import confluent_kafka' 2>/dev/null; then
    say "The server beside other brokers, with librdkafka"
    cargo build --locked --release --bin terrarium
    "$python" tests/bench/throughput.py
else
    say "The server: left out, $python has no confluent-kafka (pip install -r tests/bench/throughput.txt)"
fi
