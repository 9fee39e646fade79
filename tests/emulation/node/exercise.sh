#!/bin/bash
# exercise.sh [FEATURE...]: does in a node what nodes are for, all of it or what is named, and prints
# one line per feature: "NAME ok" or "NAME fail REASON".
# Needs /exercise/app.tar (a root file system with /app) in the node.  Leaves the node dirty.
set -u
cd /exercise

feature() {  # feature NAME COMMAND...: run it, report it
    local name=$1 log
    shift
    if log=$("$@" 2>&1); then
        echo "$name ok"
    else
        echo "$name fail $(tail -n 3 <<<"$log" | tr '\n' ' ' | cut -c1-300)"
    fi
}

await() {  # await SECONDS COMMAND...: until it succeeds
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}

network() {
    ip link set lo up && ip link add d0 type veth peer d1 && ip link set d1 up && ip addr add 192.0.2.1/24 dev d0 &&
        ip link set d0 up && ip route add 198.51.100.0/24 dev d0 &&
        ip tuntap add dev t0 mode tap && ip netns add inner && ip -n inner link set lo up &&
        tc qdisc add dev d0 root tbf rate 10mbit burst 15kb latency 50ms &&
        sysctl -qw net.ipv4.ip_forward=1
}

firewall() {
    nft add table inet t && nft add chain inet t c '{ type filter hook input priority 0; }' &&
        nft add rule inet t c counter && iptables -A OUTPUT -j ACCEPT
}

ping_lo() { ping -c 1 -W 2 127.0.0.1; }

capture() {
    tcpdump -i lo -c 1 -w /exercise/lo.pcap icmp >/dev/null 2>&1 &
    local watcher=$!
    for _ in $(seq 30); do
        ping -c 1 -W 1 127.0.0.1 >/dev/null
        [ -s /exercise/lo.pcap ] && [ "$(stat -c %s /exercise/lo.pcap)" -gt 24 ] && break
        kill -0 $watcher 2>/dev/null || break
        sleep 0.1
    done
    kill $watcher 2>/dev/null && wait $watcher
    [ "$(stat -c %s /exercise/lo.pcap)" -gt 24 ]
}

switch() {
    mkdir -p /run/openvswitch /var/log/openvswitch && cp /usr/share/mdn/conf.db /exercise/conf.db &&
        ovsdb-server /exercise/conf.db --remote=punix:/run/openvswitch/db.sock --detach \
            --pidfile --log-file=/exercise/ovsdb.log &&
        ovs-vsctl --timeout=10 --no-wait init &&
        ovs-vswitchd --mlockall --detach --pidfile --log-file=/exercise/vswitchd.log &&
        ovs-vsctl --timeout=10 add-br br0 -- set bridge br0 datapath_type=netdev &&
        ip addr add 203.0.113.1/24 dev br0 && ip link set br0 up &&
        ovs-ofctl dump-flows br0 | grep -q actions
}

# Real-time policies are not tried: a version 1 cpu cgroup gives them no time by default.
priorities() { nice -n -10 sh -c '[ "$(nice)" = -10 ]'; }

neighbours() {
    lldpd -d -I lo >/exercise/lldpd.log 2>&1 &
    local daemon=$!
    await 5 lldpcli show chassis
    local status=$?
    kill $daemon && wait $daemon 2>/dev/null
    return $status
}

engine() {
    mount -o remount,rw /sys
    local entry
    for entry in /sys/fs/cgroup /sys/fs/cgroup/*; do
        mountpoint -q "$entry" && mount -o remount,bind,rw "$entry"
    done
    dockerd --experimental --iptables=false --ip6tables=false --bridge=none \
        >/exercise/dockerd.log 2>&1 &
    await 30 docker version || { tail -n 3 /exercise/dockerd.log; return 1; }
}

storage() { [ "$(docker info -f '{{.Driver}}')" = overlay2 ] || docker info -f '{{.Driver}}' | grep overlayfs; }

image() { docker import app.tar app:1; }

run() { docker run --rm --network none app:1 /app all; }

# On the host's network, because Docker 28 restores no container that has a network of its own
# (containerd issue 12141).
application() {
    docker run -d --name counter --network host -v data:/data app:1 /app count && sleep 0.3 &&
        [ "$(docker inspect -f '{{.State.Running}}' counter)" = true ] ||
        { docker logs counter; return 1; }
}

# Another user's, whose processes root may not trace without a capability.
enter() {
    docker run -d --name other --network none --user 1000 app:1 /app wait &&
        docker exec other /app once &&
        nsenter -t "$(docker inspect -f '{{.State.Pid}}' other)" -n ip link
}

limits() { docker run --rm --network none --memory 64m --cpus 0.5 app:1 /app once; }

migrate() {
    await 5 sh -c 'docker logs counter | grep -q 3'
    docker checkpoint create counter c1 || { grep -h Error /run/docker/containerd/daemon/*/*/*/criu-dump.log \
        /var/lib/docker/containers/*/checkpoints/*/criu.work/*/*.log 2>/dev/null; return 1; }
    # Without a change, containerd refuses to take the checkpoint's archive a second time.
    date >"$(echo /var/lib/docker/containers/*/checkpoints/c1)/restored" || return 1
    local before
    before=$(docker logs counter | tail -n 1)
    docker start --checkpoint c1 counter || return 1
    await 5 sh -c "[ \$(docker logs counter | tail -n 1) -gt $before ]" &&
        ! docker logs counter | tail -n +2 | grep -qx 0
}

wanted=${*:-network firewall ping capture switch priorities neighbours engine storage image run \
    application enter limits migrate}
for name in $wanted; do
    case $name in
        ping) feature ping ping_lo ;;
        *) feature "$name" "$name" ;;
    esac
done
