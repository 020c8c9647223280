# Sourced by run.sh: the clients, and what runs them, exactly pinned. Sets CONFORMANCE_CLIENTS and
# CONFORMANCE_PYTHON, and a PATH with a Node.js that is new enough.

readonly KAFKAJS_SNAPPY_VERSION=1.1.0
readonly PLATFORMATIC_VERSION=2.12.1
readonly CLIENTS_NODE_VERSION=24.21.0
readonly PYTHON_CLIENTS="$ROOT/tests/conformance/python/requirements.txt"

# What @platformatic/kafka asks for.
node_is_new() {
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 22 || (major === 22 && minor >= 22) ? 0 : 1)'
}

python_clients() {
    python3 -m venv "$1" >/dev/null 2>&1 \
        || die "the clients in Python need venv and pip (Debian: apt-get install python3-venv python3-pip)"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --only-binary :all: \
        --requirement "$PYTHON_CLIENTS"
}

if ! node_is_new; then
    platform=$(node -p 'process.platform + "-" + process.arch')
    home="$CACHE/node-$CLIENTS_NODE_VERSION"
    want "$home" npm_packages "node-$platform@$CLIENTS_NODE_VERSION"
    export PATH="$home/node_modules/node-$platform/bin:$PATH"
fi

export CONFORMANCE_CLIENTS="$CACHE/clients-js-$KAFKAJS_VERSION-$KAFKAJS_SNAPPY_VERSION-$PLATFORMATIC_VERSION"
want "$CONFORMANCE_CLIENTS" npm_packages "kafkajs@$KAFKAJS_VERSION" \
    "kafkajs-snappy@$KAFKAJS_SNAPPY_VERSION" "@platformatic/kafka@$PLATFORMATIC_VERSION"

command -v python3 >/dev/null || die "python3 is missing (Debian: apt-get install python3 python3-venv)"
home="$CACHE/clients-python-$(cksum < "$PYTHON_CLIENTS" | tr ' ' -)"
want "$home" python_clients
export CONFORMANCE_PYTHON="$home/bin/python"
