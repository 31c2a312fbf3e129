#!/bin/sh
# initrd.sh VERSION MODULES OUT
#
# Packs static busybox, the modules a machine needs to find its disk, network and seed, and
# initrd-init. MODULES holds lib/modules/VERSION, as unpacked from the kernel's package.
set -eu

version=$1 modules=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd)
for tool in busybox depmod modprobe cpio; do
  command -v $tool > /dev/null || { echo "$tool is missing: apt-get install busybox-static kmod cpio"; exit 1; }
done

depmod --basedir "$modules" "$version"
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/bin" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/root" "$tree/modules"
cp "$(command -v busybox)" "$tree/bin/busybox"
install -m 0755 "$here/initrd-init" "$tree/init"

for module in virtio_pci virtio_blk virtio_net virtio_rng qemu_fw_cfg button evdev; do
  modprobe --dirname "$modules" --set-version "$version" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' > "$tree/modules/paths"
while read -r path; do
  cp "$path" "$tree/modules/"
  echo "/modules/${path##*/}"
done < "$tree/modules/paths" > "$tree/modules/order"
rm "$tree/modules/paths"
# Without its disk driver the guest would wait for ever, in silence.
grep -q virtio_blk "$tree/modules/order"

(cd "$tree" && find . | LC_ALL=C sort | cpio --create --format=newc --quiet --owner=0:0) > "$out"
