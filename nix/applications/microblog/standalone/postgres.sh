#!/bin/sh
# postgres.sh prepare|serve|restored STATE
#
# The blog's own PostgreSQL, from the distribution: reachable through a socket in a folder that only
# the blog's account can enter, and through nothing else.
# prepare  makes the database when there is none; what an interrupted run left is thrown away
# serve    runs until it is told to stop
# restored says what is missing of what the rows name outside of the database, after they came back
set -eu

verb=$1 state=$2
data=$state/postgres half=$state/postgres.half sockets=$state/run
empty=
for folder in /usr/lib/postgresql/*/bin; do
  [ -x "$folder/initdb" ] || continue
  PATH=$folder:$PATH version=${folder%/bin}
  empty=/usr/share/fediversity/postgresql/${version##*/}
done

prepare() {
  umask 077
  mkdir -p "$sockets" "$state/avatars"
  [ ! -d "$data" ] || return 0
  rm -rf "$half"
  if [ -d "$empty" ]; then
    # Of a machine's image, made by that very command; a copy takes a tenth of the time.
    cp -R "$empty" "$half"
  else
    # C: an order of its own, which no newer C library can change under an index.
    initdb --pgdata="$half" --username=postgres --auth=trust --encoding=UTF8 --locale=C > /dev/null
  fi
  echo 'local all all trust' > "$half/pg_hba.conf"
  # The blog owns its database and nothing else, under the name of the account that it runs as.
  postgres --single -c exit_on_error=on -D "$half" postgres > /dev/null << 'SQL'
create role "app-microblog" login
grant pg_checkpoint to "app-microblog"
create database microblog owner "app-microblog"
SQL
  sync
  mv "$half" "$data"
  sync
}

# The number in a lock file may belong to somebody else after a power cut, and PostgreSQL would
# wait for that process for ever. A dead number it understands itself.
free_lock() { # FILE
  local number='' name=''
  read -r number 2> /dev/null < "$1" || return 0
  read -r name 2> /dev/null < "/proc/${number#-}/comm" || return 0
  [ "$name" = postgres ] || rm -f "$1"
}

serve() {
  umask 077
  mkdir -p "$sockets"
  free_lock "$data/postmaster.pid"
  free_lock "$sockets/.s.PGSQL.5432.lock"
  # Sized for a machine of 256 MiB that it shares with the blog.
  postgres -D "$data" -c listen_addresses= -c unix_socket_directories="$sockets" \
    -c unix_socket_permissions=0700 -c max_connections=20 -c shared_buffers=24MB \
    -c max_wal_size=128MB -c max_parallel_workers_per_gather=0 -c jit=off \
    -c max_logical_replication_workers=0 -c autovacuum_max_workers=1 \
    -c log_min_error_statement=panic &
  server=$!
  # To PostgreSQL, TERM means to wait until every client has gone.
  trap 'kill -INT "$server" 2> /dev/null || true' TERM INT
  status=0
  wait "$server" || status=$?
  # A signal ends the first wait, not the server.
  while kill -0 "$server" 2> /dev/null; do
    status=0
    wait "$server" || status=$?
  done
  exit "$status"
}

restored() {
  query='select avatar from profile where avatar is not null'
  avatar=$(psql --no-psqlrc --quiet --no-align --tuples-only --host="$sockets" \
    --username=app-microblog --dbname=microblog --command="$query")
  [ -z "$avatar" ] || [ -f "$state/avatars/$avatar" ] || {
    echo "the avatar $avatar is missing; restore it" >&2
    exit 1
  }
}

case $verb in
  prepare) prepare ;;
  serve) serve ;;
  restored) restored ;;
  *)
    echo "usage: postgres.sh prepare|serve|restored STATE" >&2
    exit 2
    ;;
esac
