# A day in the life of the system service.

step "the units hold together"
same "what verify says" "$(systemd-analyze verify smartnotesd.service smartnotesd@daemon.service 2>&1)" ""
for unit in smartnotesd.service smartnotesd@daemon.service; do
    must systemd-analyze security --offline=true --threshold=3 "$unit" >/dev/null
done

systemd-sysusers
systemd-tmpfiles --create smartnotesd.conf

step "a note that is dropped as soon as the start returns is exported"
must systemctl start "$UNIT"
echo 'first' > "$NOTES/first.md"
soon holds "$EXPORT/first.md" first
same "the export's owner" "$(stat -c %U "$EXPORT/first.md")" smartnotesd
runuser -u nobody -- cat "$EXPORT/first.md" >/dev/null || fail "nobody else can read the export"

step "records have text and fields in the journal"
soon said 'batch finished' SN_BATCH=2
record=$(entries 'MESSAGE=batch finished' SN_BATCH=2)
for part in '"MESSAGE":"batch finished"' '"PRIORITY":"6"' '"SN_EXPORTED":"1"' '"SN_BATCH":"2"' '"SYSLOG_IDENTIFIER":"smartnotesd"' \
    '"_TRANSPORT":"journal"'; do
    has "the record" "$record" "$part"
done
has "ready" "$(entries MESSAGE=ready)" '"SN_WATCH":"native"'
same "records of one batch" "$(journalctl -u "$UNIT" SN_BATCH=2 --output=cat --no-pager | sort | tr '\n' ,)" 'batch finished,batch started,'

step "the status says what goes on"
has "StatusText" "$(property StatusText)" 'watching 1 note; batch 2: 1 exported in '
has "status" "$(smartnotesd status --json)" '"notes": 1'

step "a good config is put in force by a reload"
sed -i 's/^formats:/&\n  json:/' "$CONFIG"
must systemctl reload "$UNIT"
soon test -s "$EXPORT/first.json"
must said 'config reloaded' PRIORITY=6
must is ActiveState active

step "a bad one is rejected, and the old one stays in force"
cp "$CONFIG" /tmp/good.yaml
for bad in 'formas: {}' ': [' 'export_dir: /proc/nowhere'; do
    echo "$bad" > /tmp/bad.yaml
    case $bad in export_dir*) sed 's,^export_dir:.*,'"$bad", /tmp/good.yaml > "$CONFIG" ;; *) cat /tmp/good.yaml /tmp/bad.yaml > "$CONFIG" ;; esac
    before=$(entries 'MESSAGE=config rejected' | wc -l)
    systemctl reload "$UNIT" 2>/tmp/reload.err
    same "exit code of systemctl reload" $? 1
    same "records of the rejection of $bad" "$(($(entries 'MESSAGE=config rejected' PRIORITY=3 | wc -l) - before))" 1
    must is ActiveState active
    smartnotesd reload >/dev/null 2>/tmp/reload.err
    same "exit code of smartnotesd reload" $? 1
    same "lines of the reason" "$(wc -l < /tmp/reload.err)" 1
    has "StatusText" "$(property StatusText)" '; config rejected: '
done
echo 'second' > "$NOTES/second.md"
soon holds "$EXPORT/second.md" second
soon test -s "$EXPORT/second.json"
same NRestarts "$(property NRestarts)" 0

step "the tree and the state may move, and a reload still finds the daemon"
cp /tmp/good.yaml "$CONFIG"
sed -i 's,^export_dir:.*,export_dir: /var/lib/smartnotesd/other,' "$CONFIG"
must systemctl reload "$UNIT"
[[ $(property StatusText) != *rejected* ]] || fail "the status still tells of the rejection"
soon test -s /var/lib/smartnotesd/other/first.json
cp /tmp/good.yaml "$CONFIG"
must systemctl reload "$UNIT"
soon said 'batch finished' SN_TRIGGER=reload

step "a stop waits for the jobs in flight"
mkdir -p "/etc/systemd/system/$UNIT.d"
printf '[Service]\nExecPaths=/usr/bin\nTimeoutStopSec=2s\n' > "/etc/systemd/system/$UNIT.d/commands.conf"
must systemctl daemon-reload
# Every note but the first takes its time, and says when it has begun.
slow='grep -q first {input} || { touch /var/lib/smartnotesd/begun; sleep 4; }; cat {input}'
sed "s#^formats:#&\n  slow: {extension: txt, command: [sh, -c, \"$slow\"]}#" /tmp/good.yaml > "$CONFIG"
must systemctl restart "$UNIT"
tells_progress() { [[ $(property StatusText) =~ ^exporting\ batch\ [0-9]+:\ [1-9] ]]; }
soon tells_progress
soon test -s "$EXPORT/second.txt"
rm -f /var/lib/smartnotesd/begun
echo 'third' > "$NOTES/third.md"
soon test -e /var/lib/smartnotesd/begun
must systemctl stop "$UNIT"
must holds "$EXPORT/third.txt" third
same Result "$(property Result)" success
must said stopped
same "temporary files" "$(stray)" ""

step "a wrong config ends the start, once"
echo 'formas: {}' > "$CONFIG"
systemctl start "$UNIT" 2>/dev/null && fail "it started"
same ExecMainStatus "$(property ExecMainStatus)" 78
same ActiveState "$(property ActiveState)" failed
same NRestarts "$(property NRestarts)" 0
