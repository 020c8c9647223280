#!/usr/bin/env bash
# `serve.sh PORT`: builds the page and serves it until interrupted.

. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

command -v node >/dev/null || die "node is missing: install Node.js 20 or newer (Debian: apt-get install nodejs npm)"
# Better told now than after the build.
node tests/tools/serve.mjs "$1" --check
tests/tools/build.sh
exec node tests/tools/serve.mjs "$1"
