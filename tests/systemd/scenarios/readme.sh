# The README's ways to install it, word for word, in a checkout.

cd /srv/checkout || fail "there is no checkout"
# As the package scenario says.
rm -f /etc/dpkg/dpkg.cfg.d/* /usr/sbin/policy-rc.d
# Root needs no sudo, and the test has built what cargo would.
printf '#!/bin/sh\nexec "$@"\n' > /usr/local/bin/sudo
printf '#!/bin/sh\nexit 0\n' > /usr/local/bin/cargo
chmod 755 /usr/local/bin/sudo /usr/local/bin/cargo

# block HEADING NUMBER: the commands of that block below that heading.
block() {
    awk -v heading="$1" -v number="$2" '
        /^#/ && !inside { below = ($0 == heading) }
        /^```$/ { inside = 0 }
        inside { print }
        below && /^```sh$/ { inside = (++seen == number) }
    ' README.md
}

# run_block HEADING NUMBER [COMMAND...]: runs them, by a command where one is given; the first that fails ends them.
run_block() {
    local commands
    commands=$(block "$1" "$2")
    [ -n "$commands" ] || fail "the README has no block $2 below «$1»"
    shift 2
    must "$@" bash -euo pipefail -xc "$commands"
}

works() {
    echo "hello $1" > "$NOTES/a.md"
    soon holds "$EXPORT/a.md" "hello $1"
    must systemctl reload smartnotesd
    must is ActiveState active
}

step "of the machine, as a package"
run_block '### Of the machine' 1
works "from a package"
must systemctl disable --now smartnotesd
must dpkg --purge smartnotesd

step "of the machine, without a package"
run_block '### Of the machine' 2
works "without one"
same "what verify says" "$(systemd-analyze verify smartnotesd.service 2>&1)" ""

step "of one person"
if [ ! -e /usr/lib/systemd/user/dbus.socket ] || [ -z "$(find /lib /usr/lib -name pam_systemd.so 2>/dev/null)" ]; then
    skip "no systemd for users (Debian: apt install dbus-user-session libpam-systemd)"
fi
useradd --create-home --shell /bin/bash ada
ADA=$(id -u ada)
# Who logs in has this, and may ask for it; nobody logs in here.
must loginctl enable-linger ada
printf '#!/bin/sh\nexit 0\n' > /usr/local/bin/loginctl
chmod 755 /usr/local/bin/loginctl
soon test -S "/run/user/$ADA/bus"
as_ada() {
    runuser -u ada -- env HOME=/home/ada XDG_RUNTIME_DIR="/run/user/$ADA" DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$ADA/bus" "$@"
}
as_ada mkdir /home/ada/Notes
run_block '### Of one person' 1 as_ada
as_ada sh -c 'echo mine > ~/Notes/a.md'
soon holds /home/ada/Notes-export/a.md mine
must as_ada systemctl --user reload smartnotesd
has "status" "$(as_ada smartnotesd status)" '1 note'
must as_ada systemctl --user disable --now smartnotesd

step "of one person, by the machine's systemd"
command=$(grep -o '`sudo systemctl enable --now smartnotesd@NAME`' README.md | tr -d '`')
must bash -c "${command/NAME/ada}"
as_ada sh -c 'echo mine too > ~/Notes/a.md'
soon holds /home/ada/Notes-export/a.md 'mine too'
