#!/bin/sh
# inner-engine start|stop|reload|status: the Docker engine inside a node.
#
# Lies in the node as /etc/mdn/inner-engine; the node's init runs it at boot where the engine is
# eager, mdn runs it through the outer engine's exec otherwise (so that the engine belongs to the
# node's cgroup and not to the caller's).  Every verb may be repeated; callers at the same time
# wait for each other.
#
#   start   returns once the engine answers; on failure says why, from the end of its log
#   stop    ends the applications as a shutdown would (their restart policies hold), then the engine
#   reload  starts the engine again under the running applications: it then sees images that were
#           put into its data root
#   status  prints running, starting or stopped; exit status 0, 4 or 3
set -u

run=/run/mdn-engine
sock=/run/docker.sock
pidfile=/run/docker.pid
containerd_pidfile=$run/containerd.pid
containerd_sock=/run/containerd/containerd.sock
etc=${0%/*}
log=$etc/dockerd.log
timeout_s=${MDN_ENGINE_TIMEOUT_S:-60}
procs=${MDN_ENGINE_PROCS:-2}

say() { echo "inner engine: $*" >&2; }

# Prints the pid of the program $2 that the file $1 names, if that is what the pid still is.
pid_in() {
    [ -r "$1" ] && read -r pid < "$1" 2>/dev/null || [ -n "${pid:-}" ] || return 1
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] && echo "$pid"
}

engine_pid() { (pid_in $pidfile dockerd); }

containerd_pid() { (pid_in $containerd_pidfile containerd); }

# Waits for the answer as long as the socket's owner lives: the socket exists before it is served.
answers() {
    [ -S $sock ] || return 1
    if command -v curl >/dev/null; then
        curl -sf --max-time "$1" --unix-socket $sock http://engine/_ping >/dev/null
    else
        timeout "$1" docker -H unix://$sock version >/dev/null 2>&1
    fi
}

# Tenths of a second until the pid has gone; status 1 if it stays.
wait_gone() {
    tenths=$2
    while [ -d "/proc/$1" ] && [ "$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null)" != Z ]; do
        [ "$tenths" -gt 0 ] || return 1
        tenths=$((tenths - 1))
        sleep 0.1
    done
}

# --- what the engine finds in the node ------------------------------------------------------------

prepare_mounts() {
    # A container's sysfs may only be mounted where a writable one is in sight.
    mount -o remount,rw /sys || return 1
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        prepare_cgroup2
        return
    fi
    while read -r _ folder type _; do
        case $type in
            cgroup|cgroup2) mount -o remount,bind,rw "$folder" || return 1 ;;
        esac
    done < /proc/mounts
}

# The root of a private cgroup v2 tree hands controllers down only while it holds no process.
prepare_cgroup2() {
    root=/sys/fs/cgroup
    mount -o remount,bind,rw $root && mkdir -p $root/init || return 1
    for _ in 1 2 3 4 5; do
        while read -r pid; do
            # 0 is a process of another pid namespace.
            [ "$pid" = 0 ] || echo "$pid" > $root/init/cgroup.procs
        done < $root/cgroup.procs 2>/dev/null
        missing=
        for controller in $(cat $root/cgroup.controllers); do
            echo "+$controller" > $root/cgroup.subtree_control || missing="$missing $controller"
        done 2>/dev/null
        # A process that forked meanwhile is moved in the next round.
        [ -n "$missing" ] || return 0
    done
    say "applications' limits will not hold for:$missing (cgroup controllers not delegated)"
}

# $1: whether applications outlive the engine.  The container logs' limits keep disks from filling.
write_config() {
    cat > $run/daemon.json <<JSON
{
  "live-restore": $1,
  "features": {"containerd-snapshotter": false},
  "runtimes": {"mdn": {"path": "$etc/app-runtime"}},
  "log-driver": "json-file",
  "log-opts": {"max-size": "10m", "max-file": "2"}
}
JSON
}

# A containerd without the plugins that Docker has no use for: they cost memory in every node.
# Run beside dockerd and not below it: dockerd would wait for it in turn, take a second to stop it,
# and stop it on a reload too.
write_containerd() {
    cat > $run/containerd.toml <<TOML
version = 2
root = "/var/lib/docker/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
  "io.containerd.nri.v1.nri", "io.containerd.image-verifier.v1.bindir",
  "io.containerd.podsandbox.controller.v1.podsandbox", "io.containerd.sandbox.controller.v1.shim",
  "io.containerd.grpc.v1.sandbox-controllers", "io.containerd.sandbox.store.v1.local",
  "io.containerd.grpc.v1.sandboxes", "io.containerd.grpc.v1.transfer",
  "io.containerd.transfer.v1.local", "io.containerd.streaming.v1.manager",
  "io.containerd.grpc.v1.streaming", "io.containerd.differ.v1.erofs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.overlayfs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.restart",
  "io.containerd.monitor.container.v1.restart", "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.ttrpc.v1.otelttrpc"
]
[grpc]
  address = "$containerd_sock"
[debug]
  level = "warn"
TOML
}

# --- verbs ----------------------------------------------------------------------------------------

# Both at the same time: dockerd has work to do before it looks for containerd.
# GOGC: the heaps are small and idle, so memory counts and collecting costs nothing.
# GOMAXPROCS: what Go keeps for each of a big machine's processors adds up over many nodes.
# Descriptor 9, the lock, must not pass to what outlives this script.
launch_containerd() {
    write_containerd
    mkdir -p "${containerd_sock%/*}"
    rm -f $containerd_sock
    GOGC=20 GOMAXPROCS=$procs setsid containerd --config $run/containerd.toml \
        </dev/null >>"$log" 2>&1 9>&- &
    echo $! > $containerd_pidfile
}

launch_dockerd() {
    write_config true
    # A pid in an old file may belong to another program by now, and dockerd would not start.
    rm -f $pidfile $sock
    GOGC=20 GOMAXPROCS=$procs setsid dockerd --config-file=$run/daemon.json \
        --host=unix://$sock --containerd=$containerd_sock --pidfile=$pidfile \
        --exec-root=/run/docker --data-root=/var/lib/docker --storage-driver=overlay2 \
        --experimental --exec-opt native.cgroupdriver=cgroupfs \
        --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
        --userland-proxy=false --log-level=warn \
        </dev/null >>"$log" 2>&1 9>&- &
    child=$!
}

start() {
    if [ -n "$(engine_pid)" ] && [ -n "$(containerd_pid)" ] && answers "$timeout_s"; then
        return 0
    fi
    if ! command -v dockerd >/dev/null || ! command -v containerd >/dev/null; then
        say "the node's image has no dockerd and containerd; install docker.io in it or use mdn/node"
        return 1
    fi
    mkdir -p $run || return 1
    prepare_mounts || { say "the node's /sys and cgroups cannot be made writable"; return 1; }
    if [ "$(wc -c 2>/dev/null < "$log" || echo 0)" -gt 1000000 ]; then
        mv "$log" "$log.old"
    fi
    echo "--- start" >> "$log"
    [ -n "$(containerd_pid)" ] || launch_containerd
    pid=$(engine_pid) && { kill -9 "$pid"; wait_gone "$pid" 50; }
    launch_dockerd
    polls=$((timeout_s * 50))
    while kill -0 $child 2>/dev/null && [ $polls -gt 0 ]; do
        if [ -S $sock ]; then
            answers "$timeout_s" && return 0
            polls=$((polls - 10))
        fi
        polls=$((polls - 1))
        sleep 0.02
    done
    if [ $polls -le 0 ]; then
        say "dockerd did not answer within $timeout_s s; its log ends:"
        kill -9 $child
    else
        wait $child
        say "dockerd ended with status $?; its log ends:"
    fi
    sed -n '/^--- start/h;/^--- start/!H;${x;p;}' "$log" | tail -n 15 >&2
    return 1
}

# $1 pid or nothing, $2 tenths of a second until it is killed.
end() {
    [ -n "$1" ] && kill "$1" 2>/dev/null || return 0
    wait_gone "$1" "$2" || { say "process $1 does not stop; killing it"; kill -9 "$1"; }
}

end_dockerd() {
    end "$(engine_pid)" 300
    rm -f $pidfile $sock
}

stop() {
    pid=$(engine_pid)
    if [ -n "$pid" ] && write_config false && kill -HUP "$pid"; then
        # The new setting is in force when the engine says so.
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            kept=$(docker -H unix://$sock info -f '{{.LiveRestoreEnabled}}' 2>/dev/null)
            [ "$kept" != true ] && break
            sleep 0.1
        done
    fi
    end_dockerd
    end "$(containerd_pid)" 50
    rm -f $containerd_pidfile
}

status() {
    if [ -z "$(engine_pid)" ]; then
        echo stopped
        return 3
    fi
    answers 1 && { echo running; return 0; }
    echo starting
    return 4
}

case ${1:-} in
    status) status; exit ;;
    start|stop|reload) ;;
    *) echo "usage: $0 start|stop|reload|status" >&2; exit 2 ;;
esac
mkdir -p $run || exit 1
exec 9>$run/lock
flock 9
case $1 in
    start) start ;;
    stop) stop ;;
    reload) end_dockerd; start ;;
esac
