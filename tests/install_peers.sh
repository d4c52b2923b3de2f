#!/usr/bin/env bash
# Installs the real peers of the tests (root, Debian 12 or 13). Runs again without harm.
# syslog-ng and rsyslog exclude each other as packages, so syslog-ng is unpacked into XDR_PEERS instead.
set -euo pipefail
cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive
peers=${XDR_PEERS:-$PWD/.cache/peers}
log=$(mktemp)
if [ "$(id -u)" -ne 0 ]; then echo "make test-deps needs root: sudo make test-deps" >&2; exit 1; fi
wanted=(python3-venv ca-certificates git make chromium fonts-dejavu-core openssl
  rsyslog rsyslog-relp rsyslog-elasticsearch rsyslog-gnutls rsyslog-openssl
  slapd ldap-utils xmlsec1 samba samba-ad-provision samba-dsdb-modules python3-samba iproute2
  php-cli php-xml php-mbstring openssh-server openssh-client
  shellcheck ruby e2fsprogs mount iputils-ping prometheus snmptrapd systemd-journal-remote)
# Named otherwise, or gone, in one of the two releases; what is to be had is installed.
apt-cache show slapd >/dev/null 2>&1 || apt-get update -qq
for package in samba-ad-dc simplesamlphp packer; do
  if apt-cache show "$package" >/dev/null 2>&1; then wanted+=("$package"); fi
done
missing=()
for package in "${wanted[@]}"; do dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package"); done
if [ "${#missing[@]}" -gt 0 ] || [ ! -d "$peers/syslog-ng/usr" ]; then apt-get update -qq; fi
if [ "${#missing[@]}" -gt 0 ]; then
  echo "installing: ${missing[*]}"
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1 || { tail -n 40 "$log"; exit 1; }
fi
if [ ! -d "$peers/syslog-ng/usr" ]; then
  echo "unpacking syslog-ng into $peers"
  mkdir -p "$peers/debs"
  for package in syslog-ng-core libivykis0 libivykis0t64 libnet1 libpcre3 libpcre2-8-0 libwrap0 libdbi1 libdbi1t64; do
    (cd "$peers/debs" && apt-get download -qq "$package" >/dev/null 2>&1) || true  # names differ between releases
  done
  for file in "$peers"/debs/*.deb; do dpkg -x "$file" "$peers/syslog-ng"; done
  test -x "$peers/syslog-ng/usr/sbin/syslog-ng" || { echo "syslog-ng could not be fetched" >&2; exit 1; }
fi
