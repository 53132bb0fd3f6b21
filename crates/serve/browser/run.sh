#!/usr/bin/env bash
# Drives the page of `karhunen serve` in Chromium. Needs the program (KARHUNEN, or target/release/karhunen).
# Installs what is missing by name: Debian's chromium, nodejs and npm; playwright-core as package-lock.json says.
set -euo pipefail
cd "$(dirname "$0")"

missing=()
command -v "${CHROMIUM:-chromium}" > /dev/null || missing+=(chromium)
command -v node > /dev/null || missing+=(nodejs)
command -v npm > /dev/null || missing+=(npm)
if [ "${#missing[@]}" -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
npm ci --no-audit --no-fund --silent
# one file after another: each has servers that use all cores
node --test --test-concurrency=1 --test-timeout=600000 page.test.mjs faces.test.mjs
