#!/bin/sh
# Gives each service a role and a database of its own; the image runs it on an empty volume.
set -eu
for service in panel provisioner storage deployer; do
  psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 \
    --set=name="$service" --set=password="$(cat "/run/secrets/${service}_postgres_password")" <<'SQL'
create role :"name" login password :'password';
create database :"name" owner :"name";
revoke connect on database :"name" from public;
SQL
done
