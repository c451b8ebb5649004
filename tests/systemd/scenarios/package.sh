# The Debian package's life: installed, configured, upgraded, removed, installed again, purged.

export DEBIAN_FRONTEND=noninteractive
# Minimal images leave out manuals; the package is installed whole here.
rm -f /etc/dpkg/dpkg.cfg.d/*
# And they forbid packages to start or restart anything.
rm -f /usr/sbin/policy-rc.d

step "installed: everything is there, nothing runs"
must dpkg --install /root/smartnotesd-1.deb
# cargo deb compresses manuals, the test's own package does not.
for file in /usr/share/man/man8/smartnotesd.8* /usr/share/man/man8/smartnotesd-run.8* /usr/share/man/man5/smartnotesd.yaml.5* \
    /usr/share/bash-completion/completions/smartnotesd /usr/share/zsh/vendor-completions/_smartnotesd \
    /usr/share/fish/vendor_completions.d/smartnotesd.fish /usr/lib/systemd/user/smartnotesd.service; do
    must test -s "$file"
done
same "is it enabled" "$(systemctl is-enabled "$UNIT")" disabled
same "does it run" "$(systemctl is-active "$UNIT")" inactive
same "what verify says" "$(systemd-analyze verify "$UNIT" smartnotesd@daemon.service 2>&1)" ""
must smartnotesd check >/dev/null
same "the notes folder" "$(stat --format='%U:%G %a' "$NOTES")" 'smartnotesd:smartnotesd 2775'

step "the completion for bash completes"
. /usr/share/bash-completion/completions/smartnotesd
COMP_WORDS=(smartnotesd ver) COMP_CWORD=1
_smartnotesd smartnotesd ver smartnotesd
same "what ver may become" "${COMPREPLY[*]}" verify

step "enabled"
must systemctl enable --now "$UNIT"
echo hello > "$NOTES/a.md"
soon holds "$EXPORT/a.md" hello

step "upgraded: the new version goes on where the old one was, and with the same config"
echo '# mine' >> "$CONFIG"
before=$(property MainPID)
must dpkg --install /root/smartnotesd-2.deb
must is ActiveState active
[ "$(property MainPID)" != "$before" ] || fail "the old version still runs"
must grep -q '# mine' "$CONFIG"
echo 'hello again' > "$NOTES/a.md"
soon holds "$EXPORT/a.md" 'hello again'

step "removed: config, notes, exports and state stay"
must systemctl enable smartnotesd@daemon.service
must dpkg --remove smartnotesd
must grep -q '# mine' "$CONFIG"
must holds "$NOTES/a.md" 'hello again'
must holds "$EXPORT/a.md" 'hello again'
must test ! -e /usr/bin/smartnotesd
same "does it run" "$(systemctl is-active "$UNIT")" inactive
same "symlinks of it" "$(find /etc/systemd -name 'smartnotesd*')" ""

step "installed again: it is as it was, and nothing runs"
must dpkg --install /root/smartnotesd-2.deb
must grep -q '# mine' "$CONFIG"
same "does it run" "$(systemctl is-active "$UNIT")" inactive

step "purged: only the notes stay"
must dpkg --purge smartnotesd
stays=$(find /etc /usr /var -path '*smartnotesd*' ! -path '/var/log/*' ! -path '/var/tmp/*' -print | sort | tr '\n' ' ')
same "what stays" "$stays" "/var/lib/smartnotesd /var/lib/smartnotesd/notes /var/lib/smartnotesd/notes/a.md "

step "purged without notes: nothing stays"
must dpkg --install /root/smartnotesd-2.deb
rm "$NOTES/a.md"
must dpkg --purge smartnotesd
must test ! -e /var/lib/smartnotesd
must test ! -e /etc/smartnotesd
