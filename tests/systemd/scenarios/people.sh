# The notes of a person: once by a systemd of their own, once by that of the machine.

if [ ! -e /usr/lib/systemd/user/dbus.socket ] || [ -z "$(find /lib /usr/lib -name pam_systemd.so 2>/dev/null)" ]; then
    skip "no systemd for users (Debian: apt install dbus-user-session libpam-systemd)"
fi
useradd --create-home --shell /bin/bash ada
ADA=$(id -u ada)
home=/home/ada
chmod 700 $home

as_ada() {
    runuser -u ada -- env HOME=$home XDG_RUNTIME_DIR="/run/user/$ADA" DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$ADA/bus" "$@"
}

as_ada mkdir -p $home/.config/smartnotesd $home/Notes
as_ada tee $home/.config/smartnotesd/config.yaml >/dev/null <<'YAML'
notes_dir: ~/Notes
export_dir: ~/Export
YAML

step "a user's own systemd"
must loginctl enable-linger ada
soon test -S "/run/user/$ADA/bus"
same "what verify says" "$(as_ada systemd-analyze --user verify smartnotesd.service 2>&1)" ""
must as_ada systemctl --user enable --now smartnotesd
as_ada sh -c "echo hello > $home/Notes/a.md"
soon holds $home/Export/a.md hello
said_to_ada() { as_ada journalctl --user --unit=smartnotesd --output=cat --no-pager --grep 'batch finished' SN_BATCH=2; }
soon said_to_ada
has "status" "$(as_ada smartnotesd status)" '1 note'
must as_ada systemctl --user reload smartnotesd
has "StatusText" "$(as_ada systemctl --user show --property=StatusText smartnotesd)" 'watching 1 note'
must as_ada systemctl --user disable --now smartnotesd
same "why it ended" "$(as_ada systemctl --user show --property=Result --value smartnotesd)" success

step "the machine's systemd, as that person"
UNIT=smartnotesd@ada.service
must systemctl enable --now "$UNIT"
as_ada sh -c "echo 'hello again' > $home/Notes/a.md"
soon holds $home/Export/a.md 'hello again'
same "the export's owner" "$(stat -c %U $home/Export/a.md)" ada
has "status" "$(as_ada smartnotesd status)" '1 note'
must systemctl reload "$UNIT"
must systemctl disable --now "$UNIT"
same Result "$(property Result)" success
