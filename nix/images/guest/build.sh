#!/bin/sh
# build.sh OUT SUITE PACKAGES SOURCES GENERATION
#
# Makes what a machine boots from, without root and as root alike, in one mmdebstrap run:
#   OUT/image.qcow2   the root file system, zstd-compressed
#   OUT/kernel        the distribution's cloud kernel, unpacked where that is possible
#   OUT/initrd        busybox and the virtio modules
# PACKAGES   comma-separated distribution packages, on top of what every guest holds
# SOURCES    apt sources to build from, as a file; the guest itself keeps none
# GENERATION directory whose nix/ becomes the guest's Nix store, with its registration
# Everything but OUT is only read. OUT must be empty; give it its final name when this succeeded.
set -eu

out=$1 suite=$2 packages=$3 sources=$4 generation=$5
here=$(cd "$(dirname "$0")" && pwd)
base=openssh-server,nix-bin,busybox-static,iproute2,ca-certificates,e2fsprogs
mode=unshare
[ "$(id -u)" != 0 ] || mode=root

# The hooks of mode unshare run as another user: what they need travels through mmdebstrap.
tar --create --file "$out/overlay.tar" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
  --directory "$here/files" .
tar --append --file "$out/overlay.tar" --owner=0 --group=0 --numeric-owner \
  --directory "$generation" nix
tar --create --file "$out/scripts.tar" --owner=0 --group=0 --numeric-owner --mode=0755 \
  --directory "$here" --transform='s,^,.guest/,' initrd.sh initrd-init kernel.sh cluster.sh assemble.sh

export SOURCE_DATE_EPOCH=1700000000
mmdebstrap --mode="$mode" --variant=essential --format=null --skip=cleanup \
  --include="$base${packages:+,$packages}" \
  --aptopt='Acquire::Languages "none"' \
  --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='force-unsafe-io' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/info/*' \
  --extract-hook="tar-in $out/scripts.tar /" \
  --extract-hook='"$1/.guest/kernel.sh" "$1"' \
  --customize-hook="tar-in $out/overlay.tar /" \
  --customize-hook='"$1/.guest/cluster.sh" "$1"' \
  --customize-hook='"$1/.guest/assemble.sh" "$1"' \
  --customize-hook="download /.guest/image.qcow2 $out/image.qcow2" \
  --customize-hook="download /.guest/kernel $out/kernel" \
  --customize-hook="download /.guest/initrd $out/initrd" \
  "$suite" /dev/null "$sources"
rm "$out/overlay.tar" "$out/scripts.tar"
