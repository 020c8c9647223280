#!/bin/sh
# Makes the vectors anew. Usage: make.sh [scratch folder]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=${1:-$(mktemp -d)}
mkdir -p "$scratch"
cd "$scratch"
[ -d venv ] || python3 -m venv venv
venv/bin/pip install --quiet kafka-python==3.0.12 confluent-kafka==2.16.1 \
  python-snappy==0.7.3 lz4==4.4.5 zstandard==0.25.0
[ -f package.json ] || npm init -y >/dev/null
npm install --silent kafkajs@2.2.4 kafkajs-snappy@1.1.0 kafkajs-lz4@1.2.1
NODE_PATH="$scratch/node_modules" node "$here/kafkajs.js" > "$here/kafkajs.json"
venv/bin/python "$here/kafka_python.py" > "$here/kafka-python.json"
venv/bin/python "$here/librdkafka.py" > "$here/librdkafka.json"
