#!/usr/bin/env bash
# The browser for the walks through the documentation: Debian's package, where there is apt and the right to use it.
# Without it those tests are skipped, and say so.
set -uo pipefail

if [[ -x "${KVMM_CHROMIUM:-/usr/bin/chromium}" ]]; then
  exit 0
fi
if [[ "$(id -u)" != 0 ]] || ! command -v apt-get >/dev/null; then
  echo "no Chromium, and no way to install it: the tests that need a browser are skipped"
  exit 0
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq &&
  apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null &&
  [[ -x /usr/bin/chromium ]] ||
  echo "Chromium could not be installed: the tests that need a browser are skipped"
exit 0
