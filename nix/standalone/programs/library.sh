# shellcheck shell=dash disable=SC2034
# What the programs of a system share: where things are, and how units are kept apart.
# Sourced with the program's own path in $0. FEDIVERSITY_ROOT moves every path, for tests.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin
root=${FEDIVERSITY_ROOT:-}
self=$(readlink -f "${0%/*}/..")
read -r deployment < "$self/deployment" || deployment=
run=$root/run/fediversity
kept=$root/var/lib/fediversity
current=$root/run/current-system

# The machine has booted again since the caller looked.
REBOOTED=97

fail() { # MESSAGE [STATUS]
  echo "$1" >&2
  exit "${2:-1}"
}

read -r boot_id < /proc/sys/kernel/random/boot_id

# A process as nobody else can be called: its number and when it started, in ticks.
identity() { # PID; the answer is in $process
  local stat
  process=
  read -r stat 2> /dev/null < "/proc/$1/stat" || return 1
  # The name in the second field may hold spaces and brackets.
  # shellcheck disable=SC2086
  set -- "$1" ${stat##*) }
  [ "$2" != Z ] || return 1
  shift 20
  process="${stat%% *}:$1"
}

alive() { # IDENTITY
  identity "${1%:*}" && [ "$process" = "$1" ]
}

# One at a time, and a holder that died holds nothing. Programs that are not busybox's own take
# fifty milliseconds to start on an emulated processor, so flock only settles who follows a dead one.
lock() { # FILE
  local holder
  identity $$
  while ! ln -s "$process" "$1" 2> /dev/null; do
    holder=$(readlink "$1") || continue
    if alive "$holder"; then
      identity $$
      usleep 20000
    else
      identity $$
      # Only root may open it: an application that held it would keep everybody waiting.
      (umask 077 && exec 7> "$1.dead" && flock 7 && [ "$(readlink "$1")" = "$holder" ] && point "$1" "$process") || continue
      break
    fi
  done
  # shellcheck disable=SC2064
  trap "rm -f '$1'" EXIT
}

unlock() { # FILE
  rm -f "$1"
  trap - EXIT
}

# Replace a file at once: a reader sees the old content or the new, also after a power cut. Which of
# them that is then, a sync of its folder decides. What is in /run is in memory, and has no disk.
replace() { # FILE, content on standard input
  cat > "$1.new" || return
  case $1 in
    "$run"/*) ;;
    *) sync "$1.new" || return ;;
  esac
  mv -f "$1.new" "$1"
}

point() { # LINK TARGET
  ln -sfn "$2" "$1.new"
  mv -fT "$1.new" "$1"
}

# Make a system the profile's newest generation, as nix-env does, which takes half a second to
# start on an emulated processor. Links in this folder are roots for the garbage collector.
set_profile() { # PROFILE SYSTEM
  local link newest=0 number
  [ -x "$2/bin/switch-to-configuration" ] || return 1
  for link in "$1"-*-link; do
    number=${link#"$1-"}
    number=${number%-link}
    case $number in
      '' | *[!0-9]*) continue ;;
    esac
    [ "$number" -le "$newest" ] || newest=$number
  done
  [ "$(readlink "$1-$newest-link")" = "$2" ] || {
    newest=$((newest + 1))
    ln -s "$2" "$1-$newest-link"
  }
  point "$1" "${1##*/}-$newest-link"
}

# The number of a profile's generation, 0 when the image was made without numbers.
generation() { # PROFILE
  local link
  link=$(readlink "$1")
  link=${link##*system-}
  link=${link%-link}
  case $link in
    '' | *[!0-9]*) echo 0 ;;
    *) echo "$link" ;;
  esac
}

# One account per application. Numbers differ between machines, names never do.
make_user() { # NAME
  grep -q "^$1:" "$root/etc/passwd" && return
  local number=2000
  while grep -q "^[^:]*:[^:]*:$number:" "$root/etc/passwd" "$root/etc/group"; do
    number=$((number + 1))
  done
  echo "$1:x:$number:" >> "$root/etc/group"
  echo "$1:x:$number:$number::/var/lib/applications/${1#app-}:/usr/sbin/nologin" >> "$root/etc/passwd"
}

make_users() {
  local user
  mkdir -p "$root/etc" "$root/var/lib/applications"
  touch "$root/etc/passwd" "$root/etc/group"
  while read -r user; do
    make_user "$user"
  done < "$self/users"
}

number_of() { # USER
  sed -n "s/^$1:[^:]*:\([0-9]*\):.*/\1/p" "$root/etc/passwd"
}

# Become the application's user and run a command; never returns.
as_user() { # APPLICATION COMMAND...
  local application=$1 number home
  shift
  home=$root/var/lib/applications/$application
  cd "$home" || exit 1
  if [ "$(id -u)" != 0 ]; then
    exec env -i PATH="$PATH" HOME="$home" LANG=C.UTF-8 "$@"
  fi
  number=$(number_of "app-$application")
  # busybox has a smaller setpriv of its own, hence the full path.
  exec env -i PATH="$PATH" HOME="$home" LANG=C.UTF-8 /usr/bin/setpriv --reuid="$number" \
    --regid="$number" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all -- "$@"
}

# Application units start only with a permit for this deployment and this boot. It is that of the
# system that runs, as the secrets are, so that a switch back also finds the permit of before.
permitted() {
  local permit rest epoch
  [ -n "$deployment" ] && [ -r "$run/permit" ] || return 1
  read -r permit < "$run/permit" || return 1
  rest=${permit#"{\"deployment\":\"$deployment\",\"epoch\":"}
  epoch=${rest%",\"boot_id\":\"$boot_id\"}"}
  [ "$rest" != "$permit" ] && [ "$epoch" != "$rest" ] || return 1
  case $epoch in
    '' | *[!0-9]*) return 1 ;;
  esac
}
