#!/bin/sh
# Begins on a bare Debian 13 machine, from the bundle this file lies in: the installer, and the bundle on the disk.
# Run it as root; killed anywhere, it is run again. A copy that was damaged is replaced.
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd -P)
digest=$(sha256sum "$here/manifest.sha256" | cut -c1-12)
bundles=/var/lib/xdr-bundles
place=$bundles/$digest
installer=/opt/xdr/installer

if [ "$(id -u)" != 0 ]; then
    echo "begin: run it as root" >&2
    exit 3
fi

is_whole() {
    (cd "$1" && sha256sum --check --quiet --strict manifest.sha256)
}

# Only what the manifest names: nothing else on the medium was vouched for.
copy_named() {
    (cd "$here" && cut -c67- manifest.sha256 | xargs -d '\n' cp --parents -t "$1" --) &&
        cp "$here/manifest.sha256" "$1/"
}

if [ ! -e "$place" ] || ! is_whole "$place" >/dev/null 2>&1; then
    if [ "$here" = "$place" ]; then
        echo "begin: $place is damaged; run begin of a whole medium" >&2
        exit 3
    fi
    echo "begin: copying the bundle to $place"
    rm -rf "$place.new" "$place.damaged"
    mkdir -p "$place.new"
    # The copy is compared, not the medium: a disk that writes wrongly is found as well.
    if ! copy_named "$place.new" || ! is_whole "$place.new"; then
        rm -rf "$place.new"
        echo "begin: what is named above is not on the medium, not as its manifest says, or could not be written." >&2
        echo "begin: make room below /var/lib or copy the medium anew, then run begin again. Nothing was changed." >&2
        exit 3
    fi
    chmod -R u=rwX,go=rX "$place.new"
    sync -f "$place.new"
    [ ! -e "$place" ] || mv -T "$place" "$place.damaged"
    mv -T "$place.new" "$place"
    rm -rf "$place.damaged"
fi
ln -sfnT "$place" "$bundles/current"

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

if [ ! -e "$installer/from-$digest" ]; then
    echo "begin: installing the installer"
    # From nothing: pip cannot mend what a killed pip left, and marks of other bundles would hide a way back.
    python3 -m venv --clear "$installer"
    "$installer/bin/pip" install --quiet --no-index --require-hashes --no-deps \
        --find-links "$place/installer" -r "$place/installer/requirements.txt"
    sync -f "$installer"
    touch "$installer/from-$digest"
fi
ln -sfT "$installer/bin/xdr-install" /usr/local/bin/xdr-install
echo "begin: done. Next: xdr-install first-boot, or write /etc/xdr/site.yml and run xdr-install apply"
