#!/bin/sh
# assemble.sh ROOT  (mmdebstrap hook)
#
# Turns the file system below ROOT into ROOT/.guest/image.qcow2. The image is as small as it may
# be; a machine's own disk is larger, and the file system grows at its first boot.
set -eu

root=$1 guest=$1/.guest
turn=0
while [ ! -e "$guest/kernel.status" ]; do
  turn=$((turn + 1))
  [ $turn -lt 3000 ] || { echo "the kernel did not arrive within 300 s" >&2; exit 1; }
  sleep 0.1
done
[ "$(cat "$guest/kernel.status")" = 0 ] || { cat "$guest/kernel.log" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mv "$guest" "$work/guest"
mkdir "$guest" "$work/root"
mv "$work/guest/kernel" "$work/guest/initrd" "$work/"

# The guest reaches no mirror; sources would only be a promise that it cannot keep.
rm -rf "$root/etc/apt" "$root/var/lib/apt" "$root/var/cache/apt" "$root/var/cache/debconf" \
  "$root/var/log" "$root"/etc/ssh/ssh_host_* "$root"/usr/share/doc "$root"/usr/share/man \
  "$root"/usr/share/info "$root"/usr/share/locale "$root"/usr/share/lintian
mkdir -p "$root/var/log" "$root/var/lib/fediversity" "$root/etc/ssh/authorized_keys.d"
rmdir "$guest"
# Every command of deployer starts root's shell, and bash takes twenty times as long as busybox.
ln -s busybox "$root/bin/ash"
sed -i 's,^\(root:.*:\)/bin/bash$,\1/bin/ash,' "$root/etc/passwd"
# Of processes that run what they may not read, the kernel shows an application nothing. Without
# this fediversity-state makes such copies whenever it starts.
for program in restic setpriv; do
  [ ! -e "$root/usr/bin/$program" ] || chmod 711 "$root/usr/bin/$program"
done
# Its own symlink names the directory in which the store was put together.
rm -f "$root/nix/var/nix/gcroots/profiles"
mkdir -p "$root/nix/var/nix/gcroots"
ln -s /nix/var/nix/profiles "$root/nix/var/nix/gcroots/profiles"
chmod 1775 "$root/nix/store"

truncate -s 2G "$work/raw"
# A bind mount without what is mounted below it: /proc and the like stay out of the image. The root of
# a plain chroot is no mount and cannot be made private: there the mount has to be taken back.
propagation=private
unshare --mount --propagation private true 2> /dev/null || propagation=unchanged
unshare --mount --propagation "$propagation" sh -c '
  mount --bind "$1" "$2" || exit
  mkfs.ext4 -q -E lazy_itable_init=1,lazy_journal_init=1 -J size=16 -m 0 -d "$2" "$3" && status=0 || status=$?
  umount "$2"
  exit "$status"' \
  sh "$root" "$work/root" "$work/raw"
qemu-img convert -c -o compression_type=zstd -O qcow2 "$work/raw" "$work/image.qcow2"
mkdir "$guest"
mv "$work/image.qcow2" "$work/kernel" "$work/initrd" "$guest/"
