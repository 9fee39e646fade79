#!/bin/sh
# PID 1 of a node: brings up what /etc/mdn asks for, then reaps children until it is told to stop.
# Everything here happens again after a restart of the node.
set -u
cd /
etc=/etc/mdn
db=/run/openvswitch/db.sock
trap 'exit 0' TERM INT

say() { echo "mdn-init: $*" >&2; }

start_database() {
    mkdir -p /run/openvswitch
    if [ ! -s "$etc/conf.db" ]; then
        # An image of ours carries an empty database; another one makes it from its schema.
        if [ -e /usr/share/mdn/conf.db ]; then
            cp /usr/share/mdn/conf.db "$etc/conf.db.new"
        else
            ovsdb-tool create "$etc/conf.db.new" /usr/share/openvswitch/vswitch.ovsschema
        fi && cat "$etc/switch.record" >> "$etc/conf.db.new" && mv "$etc/conf.db.new" "$etc/conf.db"
    fi
    # Its state is all in the file, so whatever ends it, it goes on where it was.
    while :; do
        ovsdb-server "$etc/conf.db" "--remote=punix:$db" --pidfile --no-chdir \
            -vconsole:warn -vsyslog:off
        say "ovsdb-server ended with status $?; starting it again"
        sleep 0.2
    done &
}

configure_switch() {
    # A change, which this always is, returns once the switch has made what the database asks for.
    read -r start < /proc/sys/kernel/random/uuid
    ovs-vsctl --timeout=60 --retry set Open_vSwitch . "external_ids:mdn-start=$start" || return 1
    for flows in "$etc"/flows.*; do
        [ -e "$flows" ] || continue
        ovs-ofctl --timeout=60 -O OpenFlow13 replace-flows "${flows##*/flows.}" "$flows" || return 1
    done
    [ ! -e "$etc/bridge.ip" ] || ip -batch "$etc/bridge.ip"
}

# --- the node -------------------------------------------------------------------------------

rm -f "$etc/ready" "$etc/failed"
if [ "$(cat "$etc/inner-engine.mode" 2>/dev/null)" = eager ]; then
    "$etc/inner-engine" start >"$etc/inner-engine.log" 2>&1 &
fi

if [ ! -e "$etc/switch.record" ]; then
    : > "$etc/ready"
    while :; do
        sleep infinity &
        wait $!
    done
fi

start_database
while :; do
    ovs-vswitchd "unix:$db" --pidfile --no-chdir -vconsole:warn -vsyslog:off &
    switch=$!
    if configure_switch; then
        : > "$etc/ready"
    else
        say "the switch could not be configured"
        : > "$etc/failed"
    fi
    wait $switch
    say "ovs-vswitchd ended with status $?; starting it again"
    rm -f "$etc/ready"
    sleep 0.2
done
