# What can go wrong around the service, and what of it may show in the export tree: nothing.

systemd-sysusers
systemd-tmpfiles --create smartnotesd.conf
mkdir -p "/run/systemd/system/$UNIT.d"
printf '[Service]\nWatchdogSec=3s\nTimeoutStopSec=20s\n' > "/run/systemd/system/$UNIT.d/test.conf"
systemctl daemon-reload

in_step() { diff --recursive --brief "$NOTES" "$EXPORT"; }

# restarted TIMES: it is up again after so many restarts.
restarted() { is NRestarts "$1" && is ActiveState active; }

step "20,000 notes while it is stopped"
sed -i 's/WatchdogSec=.*/WatchdogSec=0/' "/run/systemd/system/$UNIT.d/test.conf"
systemctl daemon-reload
must systemctl start "$UNIT"
kill -STOP "$(property MainPID)"
for folder in {1..40}; do
    mkdir "$NOTES/$folder"
    (cd "$NOTES/$folder" && printf '%s\n' {1..500} | split --lines=1 --suffix-length=3 --additional-suffix=.md - n)
done
kill -CONT "$(property MainPID)"
soon in_step
same NRestarts "$(property NRestarts)" 0

step "killed in the middle of its work"
sed -i 's/WatchdogSec=.*/WatchdogSec=3s/' "/run/systemd/system/$UNIT.d/test.conf"
systemctl daemon-reload
must systemctl restart "$UNIT"
for folder in {1..8}; do sed -i 's/$/ again/' "$NOTES/$folder"/n*.md; done
some_are_written() { grep -rqs again "$EXPORT"; }
soon some_are_written
kill -KILL "$(property MainPID)"
soon restarted 1
soon in_step
same "temporary files" "$(stray)" ""

step "a loop that stalls is restarted by the watchdog"
kill -STOP "$(property MainPID)"
soon restarted 2
has "why" "$(journalctl --unit="$UNIT" --output=cat --no-pager --grep=watchdog -n 5)" 'Watchdog timeout'
echo after > "$NOTES/after-stall.md"
soon holds "$EXPORT/after-stall.md" after

step "a journald that takes nothing holds nothing up"
echo 'log: {level: debug}' >> "$CONFIG"
must systemctl reload "$UNIT"
journald=$(systemctl show --property=MainPID --value systemd-journald)
kill -STOP "$journald"
for folder in {1..8}; do sed -i 's/ again$/ thrice/' "$NOTES/$folder"/n*.md; done
soon in_step
# The watchdog has had time to bite, if it is going to.
sleep 5
kill -CONT "$journald"
must restarted 2
echo after > "$NOTES/after-journald.md"
soon holds "$EXPORT/after-journald.md" after
logged() { said 'note exported' SN_NOTE=after-journald.md PRIORITY=7; }
soon logged

step "a journald that was restarted gets the records"
must systemctl restart systemd-journald
echo 'after restart' > "$NOTES/after-journald.md"
soon holds "$EXPORT/after-journald.md" 'after restart'
changed() { [ "$(entries 'MESSAGE=note exported' SN_NOTE=after-journald.md | wc -l)" = 2 ]; }
soon changed
must restarted 2

step "it gives up when each start fails"
printf '[Service]\nRestartSec=100ms\nExecStart=\nExecStart=smartnotesd run --notes /nowhere\n' >> "/run/systemd/system/$UNIT.d/test.conf"
systemctl daemon-reload
systemctl restart "$UNIT" 2>/dev/null && fail "it started"
gave_up() { is ActiveState failed && is Result exit-code && [ "$(property NRestarts)" -gt 2 ]; }
soon gave_up
same ExecMainStatus "$(property ExecMainStatus)" 74
