#!/bin/busybox sh
# shellcheck shell=dash
# diary.sh prepare|serve STATE [SECRETS]
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
    exec busybox httpd -f -p 80 -h "$pages"
    ;;
esac
