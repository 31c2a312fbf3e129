#!/bin/sh
# cluster.sh ROOT  (mmdebstrap hook)
#
# For each PostgreSQL below ROOT, an empty database cluster at
#   /usr/share/fediversity/postgresql/VERSION
# as `initdb --username=postgres --auth=trust --encoding=UTF8 --locale=C` makes it: an application
# copies it in a second, where an emulated processor takes twelve to make one. It holds no secret.
# Clusters copied from it share their system identifier, which is asked for where one server
# follows the log of another, and the nonce for passwords of roles that do not exist.
set -eu

root=$1
for program in "$root"/usr/lib/postgresql/*/bin/initdb; do
  [ -x "$program" ] || continue
  inside=${program#"$root"}
  version=${inside%/bin/initdb}
  place=/usr/share/fediversity/postgresql/${version##*/}
  mkdir -p "$root${place%/*}"
  # PostgreSQL refuses to be root.
  install -d -m 0700 -o nobody -g nogroup "$root$place"
  chroot "$root" setpriv --reuid=nobody --regid=nogroup --clear-groups -- "$inside" \
    --pgdata="$place" --username=postgres --auth=trust --encoding=UTF8 --locale=C > /dev/null
  # What it found of the computer that builds the image says nothing about a machine.
  sed -i 's/^\(dynamic_shared_memory_type =\).*/\1 posix/' "$root$place/postgresql.conf"
  chown -R root:root "$root$place"
  chmod -R u=rwX,go=rX "$root$place"
done
