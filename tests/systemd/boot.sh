#!/usr/bin/env bash
# Boots a real systemd in a container and runs one script there as root.
#
#   boot.sh --can                     whether that is possible here; if not, the reason stands on stdout
#   boot.sh PAYLOAD SCRIPT OUT SECS   PAYLOAD: a tree that is laid over the machine's own root
#                                     SCRIPT:  run by bash inside, with lib.sh before it; PAYLOAD and SCRIPT are only read
#                                     OUT:     gets log (what the script said), rc, console, journal.json
#                                     SECS:    no boot lasts longer
#
# The container's root is an overlay: this machine's own root below, a tmpfs above, so that nothing needs to be downloaded
# and nothing of the machine is changed. SMARTNOTESD_TEST_ROOT names another root to lie below, for another systemd:
#
#   debootstrap --variant=minbase --include=systemd-sysv,dbus-user-session,libpam-systemd trixie DIR
#
# It has its own network (none), mounts, processes and control groups.
set -euo pipefail

lower=${SMARTNOTESD_TEST_ROOT:-/}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# --- Before anything is done: can it be done at all?

missing() {
    [ "$(id -u)" = 0 ] || { echo "it needs root"; return; }
    local tool
    for tool in systemd-nspawn unshare mount journalctl systemctl dbus-daemon; do
        command -v "$tool" >/dev/null || { echo "there is no $tool (Debian: apt install systemd-container dbus)"; return; }
    done
    [ -x "$lower/lib/systemd/systemd" ] || { echo "there is no systemd to boot"; return; }
    local said
    said=$(lower=$lower unshare --mount --propagation private bash -euc '
        mount -t tmpfs probe /mnt; mkdir /mnt/upper /mnt/work /mnt/root /mnt/cgroup
        mount -t overlay probe -o "lowerdir=$lower,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
        mount -t cgroup2 probe /mnt/cgroup; mkdir /mnt/cgroup/smartnotesd-probe-$$; rmdir /mnt/cgroup/smartnotesd-probe-$$
        ' 2>&1) || echo "mounts and control groups cannot be had: ${said//$'\n'/; }"
}

if [ "${1:-}" = --can ]; then
    reason=$(missing)
    printf '%s' "$reason"
    [ -z "$reason" ]
    exit
fi

# --- The innermost room: its own mounts, processes and control groups. It lays out the root and boots it.

lay_out() {
    local root=$1
    cp -a --no-preserve=ownership "$payload/." "$root/"
    mkdir -p "$root/etc/systemd/system" "$root/var/log/journal" "$root/test"
    # The machine's own mounts are no business of the container's, and its identity is another one.
    : > "$root/etc/fstab"
    rm -f "$root/var/lib/dbus/machine-id"
    systemd-id128 new > "$root/etc/machine-id"
    cat > "$root/etc/systemd/system/test.target" <<'UNIT'
[Unit]
Requires=basic.target
Wants=dbus.service test.service
After=basic.target dbus.service
UNIT
    cat > "$root/etc/systemd/system/test.service" <<'UNIT'
[Unit]
After=basic.target dbus.service
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/bin/bash /test/run.sh
ExecStopPost=/usr/bin/journalctl --sync
TimeoutStartSec=infinity
UNIT
}

innermost() {
    local room=$1 status=0
    # systemd-nspawn leaves its things in /run: in this one.
    mount -t tmpfs -o mode=755 run /run
    mount -t cgroup2 cgroup /sys/fs/cgroup
    mount -t tmpfs -o mode=755 room "$room"
    mkdir "$room/upper" "$room/work" "$room/root"
    mount -t overlay root -o "lowerdir=$lower,upperdir=$room/upper,workdir=$room/work" "$room/root"
    lay_out "$room/root"
    cat "$here/lib.sh" "$script" > "$out/script"
    echo 'bash -u /test/script > /test/log 2>&1; echo $? > /test/rc' > "$out/run.sh"
    timeout --kill-after=5 "$seconds" systemd-nspawn --quiet --directory="$room/root" --machine="test-$$" \
        --register=no --keep-unit --private-network --link-journal=no --bind="$out:/test" \
        --boot systemd.unit=test.target systemd.show_status=no </dev/null >"$out/console" 2>&1 || status=$?
    # Also of a container that hung.
    journalctl --directory="$room/root/var/log/journal" --output=json --no-pager >"$out/journal.json" 2>/dev/null || true
    return "$status"
}

# --- The room around it holds the control group in which everything runs, so that it all can be ended.

middle() {
    local room=$1 group
    mount -t cgroup2 cgroup "$room"
    group=$room/smartnotesd-test-$$
    mkdir "$group"
    echo $$ > "$group/cgroup.procs"
    local status=0
    unshare --mount --propagation private --cgroup --pid --fork --kill-child --mount-proc \
        bash "$0" --innermost "$room" "$payload" "$script" "$out" "$seconds" || status=$?
    echo $$ > "$room/cgroup.procs"
    echo 1 > "$group/cgroup.kill"
    # Groups go bottom up, and only when the last process in them is really gone.
    local tries
    for tries in {1..50}; do
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
        [ -d "$group" ] || break
        sleep 0.1
    done
    return "$status"
}

case $1 in
    --middle | --innermost)
        step=${1#--} room=$2 payload=$3 script=$4 out=$5 seconds=$6
        "$step" "$room"
        ;;
    *)
        payload=$(realpath "$1") script=$(realpath "$2") out=$(realpath "$3") seconds=$4
        room=$(mktemp --directory)
        trap 'rmdir "$room"' EXIT
        unshare --mount --propagation private bash "$0" --middle "$room" "$payload" "$script" "$out" "$seconds"
        ;;
esac
