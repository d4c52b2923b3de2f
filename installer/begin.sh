#!/bin/sh
# Begins on a bare Debian 13 machine, from the bundle this file lies in: the installer, and the bundle on the disk.
# Run it as root; killed anywhere, it is run again.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
digest=$(sha256sum "$here/manifest.sha256" | cut -c1-12)
place=/var/lib/xdr-bundles/$digest

if [ "$(id -u)" != 0 ]; then
    echo "begin: run it as root" >&2
    exit 3
fi

if [ ! -e "$place" ]; then
    echo "begin: comparing the bundle with its manifest"
    if ! (cd "$here" && sha256sum --check --quiet --strict manifest.sha256); then
        echo "begin: the files above are not those the manifest names; copy the medium anew. Nothing was changed." >&2
        exit 3
    fi
    echo "begin: copying the bundle to $place"
    mkdir -p /var/lib/xdr-bundles
    rm -rf "$place.new"
    cp -R "$here" "$place.new"
    chmod -R u=rwX,go=rX "$place.new"
    chown -R root:root "$place.new"
    sync -f "$place.new"
    mv -T "$place.new" "$place"
fi
ln -sfnT "$place" /var/lib/xdr-bundles/current

list=$(mktemp)
trap 'rm -f "$list"' EXIT
echo "deb [trusted=yes] file:$place/debian ./" >"$list"
chmod 0644 "$list"
if ! dpkg-query -W -f '${db:Status-Status}\n' python3-venv python3-apt openssh-client iproute2 openssl 2>/dev/null |
    awk '$0 != "installed" { bad = 1 } END { exit bad || NR < 5 }'; then
    echo "begin: installing Python from the bundle"
    # Nothing else is asked: this machine has no way to anywhere.
    only="-o Dir::Etc::sourcelist=$list -o Dir::Etc::sourceparts=/nonexistent"
    # shellcheck disable=SC2086 # options, separated on purpose
    apt-get -qq $only update
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get -qq $only install --yes --no-install-recommends \
        python3-venv python3-apt openssh-client iproute2 openssl >/dev/null
fi

echo "begin: installing the installer"
if [ ! -e "/opt/xdr/installer/from-$digest" ]; then
    [ -x /opt/xdr/installer/bin/python ] || { mkdir -p /opt/xdr && python3 -m venv /opt/xdr/installer; }
    /opt/xdr/installer/bin/pip install --quiet --no-index --require-hashes --no-deps --force-reinstall \
        --find-links "$place/installer" -r "$place/installer/requirements.txt"
    touch "/opt/xdr/installer/from-$digest"
fi
ln -sfT /opt/xdr/installer/bin/xdr-install /usr/local/bin/xdr-install
echo "begin: done. Next: xdr-install first-boot, or write /etc/xdr/site.yml and run xdr-install apply"
