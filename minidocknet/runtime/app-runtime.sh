#!/bin/sh
# app-runtime: the OCI runtime of applications, runc with two additions.
#
# Lies in the node as /etc/mdn/app-runtime; the inner engine knows it as runtime "mdn".
# A folder /etc/mdn/apps/CONTAINER-ID, written before the container is started, says
#
#   port     the application's interface: it is made here, in a namespace /run/netns/APP that
#            outlives the container's starts, and plugged into the node's switch
#   restore  (a FIFO) the container's first start is a restore: "create" waits for a word on the
#            FIFO.  "go FOLDER [runc option...]" restores the images in FOLDER/images, with the log
#            in FOLDER/work; anything else ends without starting a process.  So all that the engine
#            does for a start is done before the process stops elsewhere.
#
# A restored process is cut off from the switch until whoever restored it opens its port.
# Further verbs, for those who prepare a start or clean up:  plug FOLDER, unplug FOLDER
set -u

etc=${0%/*}

fail() {
    echo "app-runtime: $*" >&2
    exit 1
}

# $1: the application's folder.  The interface is up inside; the port is left as it is.
plug() {
    . "$1/port" || fail "$1/port cannot be read"
    if ! [ -e "/run/netns/$app" ]; then
        ip netns add "$app" || fail "no network namespace for $app"
    fi
    if ! ip -n "$app" link show eth0 >/dev/null 2>&1; then
        # A pair whose inner end is gone, or of a namespace of before.
        ip link delete "$iface" 2>/dev/null
        ip link add "$iface" mtu "$mtu" type veth peer name eth0 netns "$app" address "$mac" \
            mtu "$mtu" || fail "no interface for $app"
    fi
    ip -n "$app" -batch - <<LINES || fail "$app: address $ip was refused"
addr replace $ip dev eth0
link set lo up
link set eth0 up
LINES
    ovs-vsctl --timeout=30 --may-exist add-port "$bridge" "$iface" -- \
        set Interface "$iface" "ofport_request=$port" || fail "the switch refused port $iface"
}

unplug() {
    . "$1/port" || exit 0
    ovs-vsctl --timeout=30 --if-exists del-port "$bridge" "$iface"
    ip link delete "$iface" 2>/dev/null
    ip netns delete "$app" 2>/dev/null
    :
}

case ${1:-} in
    plug | unplug)
        "$1" "$2"
        exit
        ;;
esac

verb=
root=
log=
bundle=
pidfile=
previous=
for word; do
    case $previous in
        --root) root=$word ;;
        --log) log=$word ;;
        --bundle) bundle=$word ;;
        --pid-file) pidfile=$word ;;
        --log-format | --console-socket) ;;
        *)
            case $word in
                -*) ;;
                *) [ -n "$verb" ] || verb=$word ;;
            esac
            ;;
    esac
    previous=$word
done
id=$previous
folder=$etc/apps/$id
[ -d "$folder" ] || exec runc "$@"

# The application's namespace in place of a new one, in the bundle's config.json.
join_namespace() {
    sed -i "s|{\"type\":\"network\"}|{\"type\":\"network\",\"path\":\"/run/netns/$app\"}|" \
        "$bundle/config.json"
    grep -q "\"path\":\"/run/netns/$app\"" "$bundle/config.json" ||
        fail "$bundle/config.json names no network namespace to replace"
}

# What the engine shows where "create" fails is the last line of this log.
tell() {
    [ -z "$log" ] || printf '{"level":"error","msg":"%s"}\n' "$1" >> "$log"
    echo "$1" >&2
}

# Files were put below the root file system since the engine mounted it: an overlay whose layers
# change under it shows what it likes (kernel: filesystems/overlayfs, "Changes to underlying
# filesystems").
mount_anew() {
    rootfs=$(sed -n 's/.*"root":{"path":"\([^"]*\)".*/\1/p' "$bundle/config.json")
    layers=$(awk -v at="$rootfs" '$2 == at && $3 == "overlay" { print $4 }' /proc/mounts)
    [ -n "$layers" ] || return 1
    umount "$rootfs" && mount -t overlay -o "$layers" overlay "$rootfs"
}

restore() {
    # shellcheck disable=SC2162  # the words hold no backslashes
    read word images options < "$folder/restore"
    rm -f "$folder/restore"
    if [ "$word" != go ]; then
        tell "the restore was called off"
        exit 1
    fi
    mount_anew || tell "the root file system could not be mounted anew"
    mkdir -p "$images/work"
    # What the application said at its old place after its log was copied.
    [ ! -e "$images/stdout" ] || cat "$images/stdout"
    [ ! -e "$images/stderr" ] || cat "$images/stderr" >&2
    # shellcheck disable=SC2086  # options are words
    runc --root "$root" ${log:+--log "$log" --log-format json} restore --detach \
        --bundle "$bundle" --pid-file "$pidfile" --image-path "$images/images" \
        --work-path "$images/work" $options "$id"
    status=$?
    : > "$folder/restored"
    echo $status > "$images/status.new" && mv "$images/status.new" "$images/status"
    exit $status
}

case $verb in
    create)
        plug "$folder"
        join_namespace
        if [ -p "$folder/restore" ]; then
            restore
        fi
        ip link set "$iface" up
        ;;
    start)
        # A restored process runs already.
        if [ -e "$folder/restored" ]; then
            rm -f "$folder/restored"
            exit 0
        fi
        ;;
esac
exec runc "$@"
