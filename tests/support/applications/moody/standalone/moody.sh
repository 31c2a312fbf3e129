#!/bin/busybox sh
# shellcheck shell=dash
# moody.sh prepare|serve CONFIGURATION STATE SECRETS
#
# Serves /index.html (the greeting), /health.txt (only when well), /who.txt (the account) and
# /secrets.txt (a digest of the secrets it can read).
set -eu

configuration=$(cat "$2")
pages=$3/pages

option() { # NAME
  echo "$configuration" | sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"
}

case $1 in
  prepare)
    if [ "$(option mood)" = broken ]; then
      echo "broken on purpose"
      exit 1
    fi
    rm -rf "$pages"
    mkdir -p "$pages"
    option greeting > "$pages/index.html"
    id -un > "$pages/who.txt" 2> /dev/null || id -u > "$pages/who.txt"
    sha256sum "$4"/* > "$pages/secrets.txt" 2> /dev/null || true
    [ "$(option mood)" != well ] || echo ok > "$pages/health.txt"
    ;;
  serve)
    [ "$(option mood)" != dying ] || exit 7
    exec busybox httpd -f -p "$(option port)" -h "$pages"
    ;;
esac
