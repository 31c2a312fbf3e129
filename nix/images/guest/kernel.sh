#!/bin/sh
# kernel.sh ROOT  (mmdebstrap hook)
#
# Starts fetching the cloud kernel from the sources of ROOT, unpacks it and packs the initrd, in
# the background: assemble.sh waits for ROOT/.guest/kernel.status. The kernel is not part of the
# image, because QEMU loads it directly.
set -eu

guest=$1/.guest

fetch() {
  cd "$guest"
  export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
  [ -n "$package" ] || { echo "the sources offer no linux-image-cloud-amd64"; return 1; }
  apt-get download --quiet=2 "$package"
  dpkg-deb --extract "$package"_*.deb tree
  rm "$package"_*.deb
  unpack tree/boot/vmlinuz-* > kernel
  ./initrd.sh "${package#linux-image-}" "$PWD/tree" "$PWD/initrd"
  rm -r tree
}

# An unpacked kernel starts a second and a half earlier under emulation than one that has to
# decompress itself. Offsets: Documentation/arch/x86/boot.rst.
unpack() {
  sectors=$(od -An -tu1 -j497 -N1 "$1")
  offset=$(od -An -tu4 -j584 -N4 "$1")
  length=$(od -An -tu4 -j588 -N4 "$1")
  start=$(((sectors + 1) * 512 + offset))
  case $(tail -c +$((start + 1)) "$1" | head -c 4 | od -An -tx1 | tr -d ' \n') in
    02214c18) tool=lz4 ;;
    28b52ffd) tool=zstd ;;
    fd377a58) tool=xz ;;
    1f8b*) tool=gzip ;;
    *) tool= ;;
  esac
  if [ -n "$tool" ] && command -v "$tool" > /dev/null; then
    # The last four bytes of the payload are its size.
    tail -c +$((start + 1)) "$1" | head -c $((length - 4)) | "$tool" -dc
  else
    cat "$1"
  fi
}

(
  status=0
  (set -e; fetch) > "$guest/kernel.log" 2>&1 || status=$?
  echo "$status" > "$guest/kernel.status.new"
  mv "$guest/kernel.status.new" "$guest/kernel.status"
) < /dev/null > /dev/null 2>&1 &
