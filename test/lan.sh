#!/usr/bin/env bash
# A LAN of network namespaces on this machine: hosts 1…N, each with one cable (eth0, 10.83.0.N/24) into a switch. The
# switch lives in a namespace of its own, so the machine's real interfaces are never touched, and the hosts have no
# default route: nothing leaves. Needs root.
#
#   lan.sh up [N]          make N hosts (default 3)
#   lan.sh down            take everything down; refuses while a process runs there for longer than two seconds
#   lan.sh exec I CMD...   run CMD on host I
#   lan.sh cut I           pull the cable of host I, at the switch: its interface loses the carrier
#   lan.sh mend I          plug it in again
#   lan.sh shape I RATE    let host I send at most so fast: 200mbit
#   lan.sh pids            the processes that run on the hosts
#
# LAN=x is the prefix of the names (default fm): several LANs live side by side, each alone with itself.
set -euo pipefail
LAN=${LAN:-fm}
SWITCH=${LAN}sw
NET=10.83.0

hosts() { ip netns list | awk '{print $1}' | grep -E "^$LAN[0-9]+$" | sort -V || true; }

up() {
  local n=${1:-3} i
  ip netns add "$SWITCH" # Fails when this LAN is there already.
  ip -n "$SWITCH" link set lo up
  # Nobody asks for multicast memberships on this switch, so it does not learn them: like a plain one, it floods.
  ip -n "$SWITCH" link add br0 type bridge mcast_snooping 0
  ip -n "$SWITCH" link set br0 up
  for ((i = 1; i <= n; i++)); do
    ip netns add "$LAN$i"
    ip -n "$LAN$i" link set lo up
    ip -n "$SWITCH" link add "port$i" type veth peer name eth0 netns "$LAN$i"
    ip -n "$SWITCH" link set "port$i" master br0 up
    ip netns exec "$LAN$i" sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1 2>/dev/null || true
    ip -n "$LAN$i" addr add "$NET.$i/24" brd + dev eth0
    ip -n "$LAN$i" link set eth0 up
    # Without a default route multicast needs one of its own.
    ip -n "$LAN$i" route add 224.0.0.0/4 dev eth0
  done
}

pids() {
  local host
  for host in $(hosts); do ip netns pids "$host"; done
}

down() {
  local host running
  # Who was told to end may need a moment.
  for _ in {1..20}; do
    running=$(pids | xargs)
    [ -n "$running" ] || break
    sleep 0.1
  done
  [ -z "$running" ] || { echo "lan: still running: $running" >&2; exit 1; }
  for host in $(hosts); do ip netns del "$host"; done
  ip netns del "$SWITCH" 2>/dev/null || true
}

case ${1:-} in
  up) up "${2:-3}" ;;
  down) down ;;
  exec) host=$2; shift 2; exec ip netns exec "$LAN$host" "$@" ;;
  cut) ip -n "$SWITCH" link set "port$2" down ;;
  mend) ip -n "$SWITCH" link set "port$2" up ;;
  shape) ip netns exec "$LAN$2" tc qdisc replace dev eth0 root tbf rate "$3" burst 256k latency 100ms ;;
  pids) pids ;;
  *) sed -n 2,15p "$0" >&2; exit 2 ;;
esac
