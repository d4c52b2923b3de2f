#!/usr/bin/env bash
# Installs the real peers of the tests (root, Debian 12 or 13). Runs again without harm.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
if [ "$(id -u)" -ne 0 ]; then echo "make test-deps needs root: sudo make test-deps" >&2; exit 1; fi
wanted=(python3-venv ca-certificates git make chromium fonts-dejavu-core rsyslog rsyslog-relp rsyslog-elasticsearch rsyslog-gnutls openssl)
missing=()
for package in "${wanted[@]}"; do dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package"); done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "installing: ${missing[*]}"
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/tmp/xdr-test-deps.log 2>&1 \
    || { tail -n 40 /tmp/xdr-test-deps.log; exit 1; }
fi
