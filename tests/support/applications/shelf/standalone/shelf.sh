#!/bin/busybox sh
# shellcheck shell=dash
# shelf.sh prepare|probe STATE SECRETS
# shelf.sh serve STATE CONFIGURATION
# shelf.sh restored STATE
#
# Serves what lies in its folder of books. A shelf without a stamp makes one of its secret, as an
# application does that starts for the first time.
set -eu

books=$2/books

case $1 in
  prepare)
    mkdir -p "$books"
    [ -e "$books/stamp.txt" ] || sha256sum < "$3/stamp" > "$books/stamp.txt"
    echo ok > "$books/health.txt"
    ;;
  serve)
    port=$(sed -n 's/.*"port":\([0-9]*\).*/\1/p' "$3")
    exec busybox httpd -f -p "$port" -h "$books"
    ;;
  probe)
    [ "$(sha256sum < "$3/stamp")" = "$(cat "$books/stamp.txt")" ] || {
      echo "the books have another stamp"
      exit 1
    }
    ;;
  restored) echo yes > "$books/restored.txt" ;;
esac
