#!/usr/bin/env bash
# perf, for the tests that let it read what we wrote: Debian's package, where there is apt and the right to use it.
# Without it those tests are skipped, and say so.
set -uo pipefail

if command -v "${PERF:-perf}" >/dev/null; then
  exit 0
fi
if [[ "$(id -u)" != 0 ]] || ! command -v apt-get >/dev/null; then
  echo "no perf, and no way to install it: the tests that need it are skipped"
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
options=(-qq -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30)
apt-get "${options[@]}" update && apt-get "${options[@]}" install -y --no-install-recommends linux-perf >/dev/null
if ! command -v "${PERF:-perf}" >/dev/null; then
  echo "perf could not be installed: the tests that need it are skipped"
fi
exit 0
