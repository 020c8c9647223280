#!/usr/bin/env bash
# Asks other clients where they would put a few thousand keys, and writes what they say to vectors.json.
# Needs npm and Python with pip; the clients are installed in a temporary folder.

set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

npm install --prefix "$scratch" --no-package-lock --no-audit --no-fund --loglevel=error kafkajs@2.2.4
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet confluent-kafka==2.16.1 kafka-python==2.2.15

"$scratch/venv/bin/python" "$here/ask.py" keys > "$scratch/keys.json"
NODE_PATH="$scratch/node_modules" node "$here/ask.cjs" "$scratch/keys.json" > "$scratch/kafkajs.json"
"$scratch/venv/bin/python" "$here/ask.py" vectors "$scratch/keys.json" "$scratch/kafkajs.json" > "$here/vectors.json"
