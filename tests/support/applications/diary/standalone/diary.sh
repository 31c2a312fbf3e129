#!/bin/busybox sh
# shellcheck shell=dash
# diary.sh prepare STATE SECRETS
# diary.sh serve STATE CONFIGURATION
#
# Serves /secrets.txt: SHA-256 and name of each of its secrets.
set -eu

pages=$2/pages

case $1 in
  prepare)
    rm -rf "$pages"
    mkdir -p "$pages"
    cd "$3"
    sha256sum page-key signing-key writer > "$pages/digests"
    mv "$pages/digests" "$pages/secrets.txt"
    ;;
  serve)
    port=$(sed -n 's/.*"port":\([0-9]*\).*/\1/p' "$3")
    exec busybox httpd -f -p "$port" -h "$pages"
    ;;
esac
