#!/usr/bin/env bash
# hosts.sh - several real libvirt hosts on one machine, each with faults at hand.
#
# A host is a set of namespaces (mount, uts, ipc, net, pid, cgroup) with its own /etc/libvirt, /run,
# /var/lib/libvirt, /var/log/libvirt, /etc/pki, /etc/hosts, name and UUID, in which a virtlogd, a libvirtd
# and an sshd run. libvirtd listens with TLS 1.3 and client certificates; the storage pool "default" and
# the NAT network "default" are there and started. The hosts hang on one bridge that touches nothing of the
# machine's own network but a leg in the caller's namespace, so that a client here reaches them by address.
#
#   hosts.sh up [N]             make and start N hosts (2): hosta, hostb ... hostz, hostaa, hostab ...; again is harmless
#   hosts.sh down               stop and remove all of them, guests and files too
#   hosts.sh status             one line per host
#   hosts.sh uri HOST [tls|ssh|unix]
#   hosts.sh exec HOST CMD...   run CMD inside the host
#   hosts.sh certs HOST KIND    the server certificate from now on: good, expired, other-ca or wrong-name
#
#   hosts.sh kill9 HOST              kill -9 libvirtd; its guests live on
#   hosts.sh freeze|thaw HOST        SIGSTOP / SIGCONT libvirtd
#   hosts.sh daemon HOST             start libvirtd again if it does not run
#   hosts.sh linkdown|linkup HOST    pull / plug the host's network cable
#   hosts.sh poweroff|poweron HOST   end the whole host at once, guests too / start it again
#   hosts.sh pid|daemonpid HOST      of the host's first process / its libvirtd, as seen from here
#
# Settings (environment):
#   NOVACRON_HOSTS_DIR  state folder (/var/tmp/novacron-hosts); a second set of hosts needs another one
#   NOVACRON_HOSTS_NET  first three octets of the hosts' network; default: a free one
#
# In the state folder, for clients: hosts.json (name, address, ports, socket of each host),
# pki/cacert.pem pki/clientcert.pem pki/clientkey.pem (and pki/cakey.pem to sign others),
# ssh/id (private key of the user root on every host), ssh/known_hosts, shared/ (the same folder on all).
set -euo pipefail

self=$(readlink -f "${BASH_SOURCE[0]}")
dir=$(realpath -m "${NOVACRON_HOSTS_DIR:-/var/tmp/novacron-hosts}")
pki=$dir/pki
# Interfaces and network namespaces are named after the folder, so that two sets never meet. An interface
# name has 15 characters at most.
set_name=nc$(printf '%s' "$dir" | sha256sum | cut -c1-6)
cgroups=/sys/fs/cgroup
v1_controllers=(cpu cpuacct cpuset memory devices freezer blkio pids)

main() {
  local verb=${1:-help}
  [ $# = 0 ] || shift
  case $verb in help | -h | --help) usage ;; esac
  [ "$(id -u)" = 0 ] || die "run as root: namespaces, bridges and libvirtd need it"
  case $verb in
  up) up "${1:-2}"; return ;;
  down) locked down; return ;;
  status) status; return ;;
  uri | exec | certs | kill9 | freeze | thaw | daemon | linkdown | linkup | poweroff | poweron | pid | daemonpid) ;;
  __init) host_init "$1" ;;
  *) usage ;;
  esac

  local host=${1:-}
  if [ -z "$host" ] || ! [ -e "$dir/$host/index" ]; then die "no host \"$host\"; there are: $(hosts | xargs)"; fi
  case $verb in
  uri) uri "$host" "${2:-tls}" ;;
  exec) inside "$host" "${@:2}" ;;
  certs) certs "$host" "${2:-}" ;;
  kill9) signal_daemon KILL "$host" ;;
  freeze) signal_daemon STOP "$host" ;;
  thaw) signal_daemon CONT "$host" ;;
  daemon) start_daemon "$host" ;;
  linkdown) on_switch ip link set "$host" down ;;
  linkup) on_switch ip link set "$host" up ;;
  poweroff) stop_host "$host" ;;
  poweron) start_host "$host" ;;
  pid) pid_of "$host" ;;
  daemonpid) daemon_pid "$host" ;;
  esac
}

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$self" >&2
  exit 2
}

die() {
  echo "hosts.sh: $*" >&2
  exit 1
}

# locked CMD... - one `up` or `down` of a set at a time.
locked() {
  mkdir -p "${dir%/*}"
  exec 9>"$dir.lock"
  flock 9
  "$@"
}

# ------------------------------------------------------------------------------------------ names

# hosts - all of the set, the first one first.
hosts() {
  local file index
  for file in "$dir"/*/index; do
    [ ! -e "$file" ] || { read -r index <"$file" && file=${file%/index} && echo "$index ${file##*/}"; }
  done | sort -n | cut -d' ' -f2
}

# name_of INDEX - counted as the columns of a table are: after hostz comes hostaa.
name_of() {
  local letters=abcdefghijklmnopqrstuvwxyz rest=$1 name=
  while [ "$rest" -gt 0 ]; do
    name=${letters:$(((rest - 1) % 26)):1}$name
    rest=$(((rest - 1) / 26))
  done
  echo "host$name"
}

address_of() { echo "$(cat "$dir/subnet").$((10 + $(cat "$dir/$1/index")))"; }

# pid_of HOST - the host's first process, seen from here; nothing when it is off.
pid_of() {
  local pid
  pid=$(cat "$dir/$1/init.pid" 2>/dev/null) || return 0
  if is_init "$pid" "$1"; then echo "$pid"; fi
}

# is_init PID HOST - a host's first process carries the host's name, as do those that it forks until they run
# something else, and is number 1 in there.
is_init() {
  local name key numbers
  { IFS= read -r -d '' name <"/proc/$1/cmdline"; } 2>/dev/null && [ "$name" = "$set_name-$2" ] || return 1
  while read -r key numbers; do
    if [ "$key" = NSpid: ]; then [ "${numbers##*[[:space:]]}" = 1 ]; return; fi
  done 2>/dev/null <"/proc/$1/status"
  return 1
}

# daemon_pid HOST - its libvirtd, seen from here: the one in the host's pid namespace.
daemon_pid() {
  local pid candidate
  pid=$(pid_of "$1")
  [ -n "$pid" ] || return 0
  for candidate in $(pgrep -x libvirtd); do
    if [ "/proc/$candidate/ns/pid" -ef "/proc/$pid/ns/pid" ]; then
      echo "$candidate"
      return
    fi
  done
}

signal_daemon() {
  local pid
  pid=$(daemon_pid "$2")
  [ -n "$pid" ] || die "libvirtd does not run on $2"
  kill "-$1" "$pid"
}

inside() {
  local pid
  pid=$(pid_of "$1")
  [ -n "$pid" ] || die "$1 is off"
  nsenter -t "$pid" --mount --uts --ipc --net --pid --cgroup -- "${@:2}"
}

# within SECONDS CMD... - tries until it works.
within() {
  local tries=$(($1 * 10))
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.1
  done
}

# ------------------------------------------------------------------------------------------ verbs

up() {
  local count=$1 index host
  # The last octet of an address is 10 and the host's number.
  [[ $count =~ ^([1-9][0-9]?|100)$ ]] || die "want 1 to 100 hosts, not \"$count\""
  need_programs ip unshare nsenter certtool libvirtd virtlogd virsh
  locked true
  mkdir -p "$dir"
  touch "$dir/.hosts"
  take_network
  make_ca
  make_ssh_keys
  for ((index = 1; index <= count; index++)); do at_once make_host "$(name_of "$index")" "$index"; done
  all_done
  describe
  for host in $(hosts); do at_once start_host "$host"; done
  all_done
  status
}

# at_once CMD... - beside those that run already, twice as many as there are cores: a host waits half of the time.
# all_done waits for them and ends the script if one of them failed.
at_once() {
  until [ "$(jobs -pr | wc -l)" -lt $((2 * $(nproc))) ]; do wait -n || die "not all hosts are up"; done
  "$@" &
  under_way+=($!)
}

all_done() {
  local pid
  for pid in ${under_way[@]+"${under_way[@]}"}; do wait "$pid" || die "not all hosts are up"; done
  under_way=()
}

need_programs() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || die "the program $program is missing; scripts/install test puts it here"
  done
}

down() {
  local host controller
  if [ -e "$dir" ] && ! [ -e "$dir/.hosts" ]; then die "$dir is not ours"; fi
  for host in $(hosts); do stop_host "$host"; done
  ip link del "$set_name-leg" 2>/dev/null || true
  ip netns del "$set_name-switch" 2>/dev/null || true
  for controller in "${v1_controllers[@]}" .; do
    rmdir "$cgroups/$controller/$set_name" 2>/dev/null || true
  done
  rm -rf "$dir" "$dir.lock"
}

status() {
  local host pid daemon guests
  for host in $(hosts); do
    pid=$(pid_of "$host")
    daemon=$(daemon_pid "$host")
    guests=$([ -z "$daemon" ] || timeout 5 virsh -q -c "$(uri "$host" unix)" list --all --name 2>/dev/null | grep -c . || true)
    printf '%s  %s  %s  libvirtd=%s  guests=%s\n' "$host" "$(address_of "$host")" \
      "$([ -n "$pid" ] && echo on || echo off)" "${daemon:-down}" "${guests:--}"
  done
  printf 'CA          %s\nclient      %s\nclient key  %s\n' "$pki/cacert.pem" "$pki/clientcert.pem" "$pki/clientkey.pem"
}

uri() {
  case $2 in
  tls) echo "qemu+tls://$(address_of "$1")/system?pkipath=$pki" ;;
  ssh) echo "qemu+ssh://root@$(address_of "$1")/system?keyfile=$dir/ssh/id&known_hosts=$dir/ssh/known_hosts" ;;
  unix) echo "qemu+unix:///system?socket=$dir/$1/run/libvirt/libvirt-sock" ;;
  *) die "want tls, ssh or unix, not \"$2\"" ;;
  esac
}

# certs HOST KIND - the daemon starts anew with the certificate, since a running one takes only good ones;
# guests do not notice.
certs() {
  local host=$1 name=$1 address ca=$pki/ca begin=0 days=3650
  address=$(address_of "$host")
  case $2 in
  good) ;;
  expired) begin=20200101 ;;
  other-ca)
    ca=$pki/other-ca
    [ -s "$ca-cert.pem" ] || make_authority "$ca" "Another CA"
    ;;
  wrong-name) name=elsewhere.example address=192.0.2.254 ;;
  *) die "want good, expired, other-ca or wrong-name, not \"$2\"" ;;
  esac
  sign "$ca" "$dir/$host/pki/libvirt/private/serverkey.pem" "$dir/$host/pki/libvirt/servercert.pem" \
    "$name" "$address" "$begin" "$days"
  restart_daemon "$host"
}

# ---------------------------------------------------------------------------------- certificates

make_ca() {
  [ -s "$pki/clientcert.pem" ] && return
  mkdir -p "$pki"
  make_authority "$pki/ca" "NovaCron test CA"
  cp "$pki/ca-cert.pem" "$pki/cacert.pem" # the names that libvirt's own client looks for
  cp "$pki/ca-key.pem" "$pki/cakey.pem"
  make_key "$pki/clientkey.pem"
  sign "$pki/ca" "$pki/clientkey.pem" "$pki/clientcert.pem" "NovaCron test client" 127.0.0.1
}

# RSA: libvirt 9.0 wants keyEncipherment in a server certificate, which certtool gives to no other kind.
make_key() { certtool --generate-privkey --key-type rsa --bits 2048 --outfile "$1" 2>/dev/null; }

# Good certificates are good since yesterday: clocks differ, and tests set them.
good_for() { printf 'activation_date = "%s"\nexpiration_days = 3650' "$(date -ud yesterday '+%F %T')"; }

# make_authority PREFIX NAME - PREFIX-key.pem and PREFIX-cert.pem
make_authority() {
  make_key "$1-key.pem"
  certtool --generate-self-signed --load-privkey "$1-key.pem" --outfile "$1-cert.pem" 2>/dev/null \
    --template <(printf 'cn = "%s"\nca\ncert_signing_key\ncrl_signing_key\n%s\n' "$2" "$(good_for)")
}

# sign CA KEY CERT NAME ADDRESS [FIRST-DAY DAYS] - for a server that is a client of its peers, too, and that
# may be reached by a relay on this machine.
sign() {
  local from
  from=$(good_for)
  if [ "${6:-0}" != 0 ]; then
    from=$(printf 'activation_date = "%s-01-01 00:00:00"\nexpiration_date = "%s-02-01 00:00:00"' "${6:0:4}" "${6:0:4}")
  fi
  certtool --generate-certificate --load-privkey "$2" --load-ca-certificate "$1-cert.pem" \
    --load-ca-privkey "$1-key.pem" --outfile "$3" 2>/dev/null --template <(
      printf 'cn = "%s"\norganization = "NovaCron tests"\ndns_name = "%s"\nip_address = "%s"\nip_address = "127.0.0.1"\n' "$4" "$4" "$5"
      printf 'tls_www_server\ntls_www_client\nsigning_key\nencryption_key\n%s\n' "$from"
    )
}

make_ssh_keys() {
  [ -s "$dir/ssh/id" ] || ! command -v sshd >/dev/null && return
  mkdir -p "$dir/ssh"
  ssh-keygen -q -t ed25519 -N '' -C 'NovaCron tests' -f "$dir/ssh/id"
}

# --------------------------------------------------------------------------------------- network

# take_network - one set at a time: a network is taken once the leg of its switch has an address in it.
take_network() {
  exec 8>"${TMPDIR:-/tmp}/novacron-hosts-network.lock"
  flock 8
  choose_subnet
  make_switch
  exec 8>&-
}

# choose_subnet - keeps the set's network, or takes the first documentation or benchmarking network
# (RFC 5737, RFC 2544) that this machine has no address in and no route to.
choose_subnet() {
  [ -s "$dir/subnet" ] && return
  local candidate used
  used=$(ip -4 -o addr; ip -4 route) # all of it before grep looks, which leaves at its first find
  for candidate in "${NOVACRON_HOSTS_NET:-198.51.100}" 198.18.{100..199}; do
    if ! grep -qw "${candidate//./\\.}\.[0-9]*" <<<"$used"; then
      echo "$candidate" >"$dir/subnet"
      return
    fi
    [ -z "${NOVACRON_HOSTS_NET:-}" ] || die "this machine uses $candidate.0/24 for something else"
  done
  die "no free network for the hosts; choose one by NOVACRON_HOSTS_NET"
}

on_switch() { ip netns exec "$set_name-switch" "$@"; }

make_switch() {
  [ -e "/run/netns/$set_name-switch" ] || ip netns add "$set_name-switch"
  if ! on_switch ip link show br0 >/dev/null 2>&1; then
    on_switch ip link add br0 type bridge
    on_switch ip link set br0 up
  fi
  if ! ip link show "$set_name-leg" >/dev/null 2>&1; then
    ip link add "$set_name-leg" type veth peer name leg netns "$set_name-switch"
    ip addr add "$(cat "$dir/subnet").1/24" dev "$set_name-leg"
    ip link set "$set_name-leg" up
    on_switch ip link set leg master br0 up
  fi
}

# plug HOST - a cable from the switch to the host's eth0. Its end on the switch has the host's name. The hardware
# address stays the host's, as a machine's does that is switched off and on: others remember it for half a minute.
plug() {
  local space=$set_name-$1 hardware
  [ -e "/run/netns/$space" ] || ip netns add "$space"
  ip -n "$space" link set lo up
  if ! ip -n "$space" link show eth0 >/dev/null 2>&1; then
    hardware=$(printf '02:00:00:00:00:%02x' "$(cat "$dir/$1/index")")
    on_switch ip link add "$1" type veth peer name eth0 address "$hardware" netns "$space"
    on_switch ip link set "$1" master br0 up
    ip -n "$space" addr add "$(address_of "$1")/24" dev eth0
    ip -n "$space" link set eth0 up
  fi
}

# ------------------------------------------------------------------------------- a host's files

make_host() {
  local host=$1 index=$2 d=$dir/$1
  mkdir -p "$d"/{etc,run,cache,log/qemu,pki/CA,pki/qemu,pki/libvirt/private,ssh} "$d"/lib/{images,boot,filesystems} "$dir/shared"
  echo "$index" >"$d/index"
  [ -s "$d/uuid" ] || cat /proc/sys/kernel/random/uuid >"$d/uuid"
  chmod 711 "$d/lib/images"
  chmod 777 "$dir/shared" # QEMU runs as a user of its own
  make_host_certificates "$host"
  make_host_ssh "$host"
  write_config "$host"
}

make_host_certificates() {
  local host=$1 d=$dir/$1/pki role
  [ -s "$d/libvirt/servercert.pem" ] && return
  make_key "$d/libvirt/private/serverkey.pem"
  cp "$pki/cacert.pem" "$d/CA/"
  certs "$host" good
  # The same certificate makes this libvirtd a client of the other hosts', and serves QEMU's own
  # streams: migration, NBD, VNC.
  cp "$d/libvirt/servercert.pem" "$d/libvirt/clientcert.pem"
  cp "$d/libvirt/private/serverkey.pem" "$d/libvirt/private/clientkey.pem"
  cp "$pki/cacert.pem" "$d/qemu/ca-cert.pem"
  for role in server client; do
    install -m 644 "$d/libvirt/servercert.pem" "$d/qemu/$role-cert.pem"
    install -m 644 "$d/libvirt/private/serverkey.pem" "$d/qemu/$role-key.pem"
  done
}

make_host_ssh() {
  local d=$dir/$1/ssh
  command -v sshd >/dev/null || return 0
  [ -s "$d/host_key" ] || ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$d/host_key"
  cat >"$d/sshd_config" <<E
ListenAddress $(address_of "$1")
HostKey $d/host_key
AuthorizedKeysFile $dir/ssh/id.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
E
}

write_config() {
  local host=$1 d=$dir/$1 address
  address=$(address_of "$host")
  if ! [ -e "$d/etc/libvirt.conf" ]; then
    cp -a /etc/libvirt/. "$d/etc/"
    # The machine's own guests, pools and networks stay the machine's.
    rm -rf "$d"/etc/qemu/*.xml "$d"/etc/qemu/autostart "$d"/etc/storage "$d"/etc/secrets "$d"/etc/qemu/networks
  fi
  cat >"$d/etc/libvirtd.conf" <<E
listen_tls = 1
listen_addr = "$address"
auth_tls = "none"
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_rw_perms = "0770"
tls_priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3"
# \`hosts.sh certs\` gives the daemon certificates that it would rightly refuse to start with.
tls_no_sanity_certificate = 1
host_uuid = "$(cat "$d/uuid")"
max_clients = 1000
max_workers = 64
prio_workers = 8
max_client_requests = 32
keepalive_interval = 5
keepalive_count = 3
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
E
  cat >"$d/etc/qemu.conf" <<E
security_driver = "none"
stdio_handler = "logd"
vnc_listen = "127.0.0.1"
migration_address = "0.0.0.0"
migration_host = "$address"
keepalive_interval = 5
keepalive_count = 3
E
}

# describe - what clients and the hosts themselves need to know of each other.
describe() {
  local host separator=""
  {
    echo "127.0.0.1 localhost"
    for host in $(hosts); do echo "$(address_of "$host") $host"; done
  } >"$dir/etc-hosts"
  for host in $(hosts); do
    [ ! -s "$dir/$host/ssh/host_key.pub" ] || echo "$(address_of "$host"),$host $(cut -d' ' -f1,2 "$dir/$host/ssh/host_key.pub")"
  done >"$dir/ssh-known-hosts"
  [ ! -d "$dir/ssh" ] || mv "$dir/ssh-known-hosts" "$dir/ssh/known_hosts"
  {
    echo "["
    for host in $(hosts); do
      printf '%s  {"name": "%s", "address": "%s", "tlsPort": 16514, "sshPort": %s, "socket": "%s"}' "$separator" \
        "$host" "$(address_of "$host")" "$([ -d "$dir/ssh" ] && echo 22 || echo 0)" "$dir/$host/run/libvirt/libvirt-sock"
      separator=$',\n'
    done
    printf '\n]\n'
  } >"$dir/hosts.json"
}

# ----------------------------------------------------------------------------------- life and death

start_host() {
  local host=$1 d=$dir/$1
  if [ -z "$(pid_of "$host")" ]; then
    plug "$host"
    ip -n "$set_name-$host" link del virbr0 2>/dev/null || true # of before a power cut: libvirtd takes it for another's
    rm -f "$d/init.pid" "$d/run/ready"
    launch "$host"
    within 30 test -e "$d/run/ready" || {
      cat "$d/init.log" >&2
      die "$host does not start"
    }
    settle_cgroups "$host"
  fi
  start_daemon "$host"
  open_for_business "$host"
}

# launch HOST - a process tree of its own, which ends when its first process does.
launch() {
  local host=$1 d=$dir/$1 layout
  layout=$(make_cgroups "$host")
  (
    join_cgroups "$host" "$layout"
    exec 9>&- </dev/null >"$d/init.log" 2>&1
    NOVACRON_HOSTS_DIR=$dir cgroup_layout=$layout exec setsid nsenter --net="/run/netns/$set_name-$host" \
      unshare --mount --uts --ipc --pid --cgroup --fork --kill-child \
      bash -c "exec -a '$set_name-$host' bash '$self' __init '$host'"
  ) &
  within 10 find_init "$host" || true
}

# find_init HOST - the first process knows itself only as 1; from here it is told by its name.
find_init() {
  local process
  for process in /proc/[0-9]*; do
    if is_init "${process#/proc/}" "$1"; then
      echo "${process#/proc/}" >"$dir/$1/init.pid"
      return 0
    fi
  done
  return 1
}

stop_host() {
  local host=$1 pid
  pid=$(pid_of "$host")
  if [ -n "$pid" ]; then
    kill -9 "$pid" # the kernel ends every process of its namespace
    within 10 test ! -d "/proc/$pid" || die "$host does not end"
  fi
  # The kernel clears a namespace in its own time; a new cable needs the old one's name at once.
  on_switch ip link del "$host" 2>/dev/null || true
  ip netns del "$set_name-$host" 2>/dev/null || true # bridges and taps go with it
  rm -f "$dir/$host/init.pid"
  local controller
  for controller in "${v1_controllers[@]}" .; do
    [ ! -d "$cgroups/$controller/$set_name/$host" ] ||
      find "$cgroups/$controller/$set_name/$host" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}

# host_init HOST - the host's first process, already in its namespaces.
host_init() {
  local host=$1 d=$dir/$1
  mount --make-rprivate /
  mount -t proc proc /proc
  hostname "$host"
  mkdir -p /var/cache/libvirt /etc/pki
  mount --bind "$d/etc" /etc/libvirt
  mount --bind "$d/run" /run
  mount --bind "$d/lib" /var/lib/libvirt
  mount --bind "$d/log" /var/log/libvirt
  mount --bind "$d/cache" /var/cache/libvirt
  mount --bind "$d/pki" /etc/pki
  mount --bind "$dir/etc-hosts" /etc/hosts
  mount -t sysfs sys /sys 2>/dev/null || true # the network devices of this namespace
  mount_cgroups
  rm -rf /run/libvirt /run/*.pid # of the life before a power cut
  mkdir -p /run/libvirt /run/lock /run/sshd
  ulimit -n 20000
  sysctl -qw net.ipv4.ip_forward=1 2>/dev/null || true
  virtlogd -d
  libvirtd --listen -d -p /run/libvirtd.pid
  [ ! -s "$d/ssh/sshd_config" ] || "$(command -v sshd)" -f "$d/ssh/sshd_config"
  touch /run/ready
  while :; do # reap what is left to us, for ever
    sleep 3600 &
    wait $! || true
  done
}

restart_daemon() {
  local pid
  pid=$(daemon_pid "$1")
  [ -n "$pid" ] || return 0
  kill "$pid"
  within 20 test ! -d "/proc/$pid" || kill -9 "$pid"
  start_daemon "$1"
}

start_daemon() {
  if [ -z "$(daemon_pid "$1")" ]; then
    inside "$1" libvirtd --listen -d -p /run/libvirtd.pid 9>&-
  fi
  within 20 timeout 5 virsh -q -c "$(uri "$1" unix)" uri || die "libvirtd on $1 does not answer"
}

# open_for_business HOST - the storage pool and the network that every installation has.
open_for_business() {
  local virsh=(virsh -q -c "$(uri "$1" unix)")
  if ! "${virsh[@]}" pool-info default >/dev/null 2>&1; then
    "${virsh[@]}" pool-define-as default dir --target /var/lib/libvirt/images >/dev/null
    "${virsh[@]}" pool-autostart default >/dev/null
  fi
  [[ $("${virsh[@]}" pool-info default) =~ State:\ +running ]] || "${virsh[@]}" pool-start default >/dev/null
  if ! "${virsh[@]}" net-info default >/dev/null 2>&1; then
    "${virsh[@]}" net-define <(nat_network) >/dev/null
    "${virsh[@]}" net-autostart default >/dev/null
  fi
  [[ $("${virsh[@]}" net-info default) =~ Active:\ +yes ]] || "${virsh[@]}" net-start default >/dev/null
  # libvirt finds out what its QEMU can do when somebody asks first. That takes seconds, on a busy machine many:
  # better now than within a test's deadline.
  timeout 120 "${virsh[@]}" version >/dev/null || die "libvirtd on $1 does not get to know its QEMU"
}

nat_network() {
  cat <<'E'
<network>
  <name>default</name>
  <forward mode='nat'/>
  <bridge name='virbr0' stp='on' delay='0'/>
  <ip address='192.168.122.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp>
  </ip>
</network>
E
}

# --------------------------------------------------------------------------------------- cgroups
# Two daemons would both make /machine/qemu-1-NAME and end each other's guests: each host sees a tree
# of its own. Version 2 is one tree in which only the leaves hold processes; version 1 is a tree per
# controller.

make_cgroups() { # prints "v2", or the controllers of version 1, or nothing
  local host=$1 controller file
  if [ -e "$cgroups/cgroup.controllers" ]; then
    mkdir -p "$cgroups/$set_name/$host/init"
    for file in "$cgroups" "$cgroups/$set_name"; do # hand the controllers down
      sed 's/[^ ]*/+&/g' "$file/cgroup.controllers" >"$file/cgroup.subtree_control" 2>/dev/null || true
    done
    echo v2
    return
  fi
  for controller in "${v1_controllers[@]}"; do
    [ -d "$cgroups/$controller" ] && mkdir -p "$cgroups/$controller/$set_name/$host" 2>/dev/null && echo "$controller"
  done | xargs
  # A new cpuset is empty, and an empty one takes no process.
  [ -d "$cgroups/cpuset" ] || return 0
  for file in cpuset.cpus cpuset.mems; do
    cat "$cgroups/cpuset/$file" >"$cgroups/cpuset/$set_name/$file"
    cat "$cgroups/cpuset/$file" >"$cgroups/cpuset/$set_name/$host/$file"
  done
}

join_cgroups() {
  local host=$1 controller
  if [ "$2" = v2 ]; then
    echo "$BASHPID" >"$cgroups/$set_name/$host/cgroup.procs"
    return
  fi
  for controller in $2; do
    echo "$BASHPID" >"$cgroups/$controller/$set_name/$host/cgroup.procs"
  done
}

# settle_cgroups HOST - in version 2 the programs that made the namespaces must not stay where the host has its
# root: with processes in it libvirt could make no subtrees.
settle_cgroups() {
  local root=$cgroups/$set_name/$1 pid
  [ -e "$root/cgroup.procs" ] || return 0
  while read -r pid; do
    echo "$pid" >"$root/init/cgroup.procs" 2>/dev/null || true
  done <"$root/cgroup.procs"
}

mount_cgroups() { # in the host, with its own cgroup namespace; cgroup_layout is what make_cgroups printed
  local controller
  case ${cgroup_layout:-} in
  "") ;;
  v2)
    mount -t cgroup2 cgroup "$cgroups"
    echo 0 >"$cgroups/init/cgroup.procs" # leaves the host's root free for libvirt's subtrees
    ;;
  *)
    mount -t tmpfs -o mode=755 cgroup "$cgroups"
    for controller in $cgroup_layout; do
      mkdir "$cgroups/$controller"
      mount -t cgroup -o "$controller" cgroup "$cgroups/$controller" || rmdir "$cgroups/$controller"
    done
    ;;
  esac
}

main "$@"
