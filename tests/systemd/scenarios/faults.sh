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

step "a journald that takes nothing holds nothing up, and is told later what it missed"
echo 'log: {level: debug}' >> "$CONFIG"
printf '[Service]\nWatchdogSec=15s\nLogRateLimitIntervalSec=0\n' > "/run/systemd/system/$UNIT.d/zz-log.conf"
systemctl daemon-reload
must systemctl restart "$UNIT"
soon in_step
restarts=$(property NRestarts)
journald=$(systemctl show --property=MainPID --value systemd-journald)
kill -STOP "$journald"
stopped=$SECONDS
# Names so long that what is to be said of 20,000 notes finds no room.
long=$(printf '%0250d/' {1..7})
mkdir -p "$NOTES/$long"
mv "$NOTES"/{1..40} "$NOTES/$long"
PATIENCE=100 soon in_step
# The watchdog has had time to bite, if it is going to.
while [ $((SECONDS - stopped)) -lt 16 ]; do sleep 0.5; done
kill -CONT "$journald"
must is NRestarts "$restarts"
told() { said 'log records dropped' PRIORITY=4 && said 'batch finished' SN_REMOVED=20000; }
soon told
numbers() { sed -n "s/.*\"$1\":\"\([0-9]*\)\".*/\1/p"; }
batch=$(entries 'MESSAGE=batch finished' SN_REMOVED=20000 | numbers SN_BATCH)
dropped=$(($(entries 'MESSAGE=log records dropped' | numbers SN_RECORDS | paste -sd+)))
kept=$(entries 'MESSAGE=note exported' "SN_BATCH=$batch" | wc -l)
[ "$kept" -gt 0 ] || fail "nothing was kept"
same "what was kept and what was dropped" "$((kept + dropped))" 20000
echo after > "$NOTES/after-journald.md"
soon holds "$EXPORT/after-journald.md" after
logged() { said 'note exported' SN_NOTE=after-journald.md PRIORITY=7; }
soon logged
rm "/run/systemd/system/$UNIT.d/zz-log.conf"
systemctl daemon-reload

step "a journald that was restarted gets the records"
must systemctl restart systemd-journald
echo 'after restart' > "$NOTES/after-journald.md"
soon holds "$EXPORT/after-journald.md" 'after restart'
changed() { [ "$(entries 'MESSAGE=note exported' SN_NOTE=after-journald.md | wc -l)" = 2 ]; }
soon changed
must is NRestarts "$restarts"

step "it gives up when each start fails"
printf '[Service]\nRestartSec=100ms\nExecStart=\nExecStart=smartnotesd run --notes /nowhere\n' >> "/run/systemd/system/$UNIT.d/test.conf"
systemctl daemon-reload
systemctl restart "$UNIT" 2>/dev/null && fail "it started"
gave_up() { is ActiveState failed && is Result exit-code && [ "$(property NRestarts)" -gt 2 ]; }
soon gave_up
same ExecMainStatus "$(property ExecMainStatus)" 74
