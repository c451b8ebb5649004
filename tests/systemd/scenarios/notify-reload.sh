# The drop-in for a systemd that itself waits for the end of a reload.

version=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
[ "$version" -ge 253 ] || skip "Type=notify-reload needs systemd 253, this is $version"

systemd-sysusers
systemd-tmpfiles --create smartnotesd.conf
mkdir -p "/etc/systemd/system/$UNIT.d"
cp /usr/share/doc/smartnotesd/examples/notify-reload.conf "/etc/systemd/system/$UNIT.d/"
# The manager says what it thinks of what it is told.
systemd-analyze log-level debug

step "started"
same "what verify says" "$(systemd-analyze verify "$UNIT" 2>&1)" ""
must systemctl start "$UNIT"
same Type "$(property Type)" notify-reload
same ExecReload "$(property ExecReload)" ""
echo 'first' > "$NOTES/first.md"
soon holds "$EXPORT/first.md" first

step "a reload returns when the new config is in force"
cp "$CONFIG" /tmp/good.yaml
sed -i 's/^formats:/&\n  json:/' "$CONFIG"
must systemctl reload "$UNIT"
has "the formats" "$(smartnotesd status --json)" '"json",'
must said 'config reloaded' PRIORITY=6
soon test -s "$EXPORT/first.json"
same "state" "$(property ActiveState) $(property SubState)" 'active running'

step "it waits for the batch that runs"
mkdir -p "/etc/systemd/system/$UNIT.d"
printf '[Service]\nExecPaths=/usr/bin\n' > "/etc/systemd/system/$UNIT.d/commands.conf"
must systemctl daemon-reload
slow='touch /var/lib/smartnotesd/begun; sleep 2; cat {input}'
sed "s#^formats:#&\n  slow: {extension: txt, command: [sh, -c, \"$slow\"]}#" /tmp/good.yaml > "$CONFIG"
must systemctl restart "$UNIT"
soon test -e /var/lib/smartnotesd/begun
cp /tmp/good.yaml "$CONFIG"
must systemctl reload "$UNIT"
same "reloads so far" "$(entries 'MESSAGE=config reloaded' | wc -l)" 2
[[ $(smartnotesd status --json) != *'"slow"'* ]] || fail "the old config is still in force"

step "a rejected config: the command succeeds, status and log tell"
echo 'formas: {}' >> "$CONFIG"
must systemctl reload "$UNIT"
same "state" "$(property ActiveState) $(property SubState)" 'active running'
has "StatusText" "$(property StatusText)" '; config rejected: /etc/smartnotesd/config.yaml:'
has "status" "$(smartnotesd status)" 'rejected, an older one is in force: /etc/smartnotesd/config.yaml:'
must said 'config rejected' PRIORITY=3
smartnotesd reload 2>/dev/null
same "exit code of smartnotesd reload" $? 1

step "many at once"
cp /tmp/good.yaml "$CONFIG"
for _ in 1 2 3 4 5 6; do
    systemctl reload "$UNIT" &
    kill -HUP "$(property MainPID)"
done
wait
soon is SubState running
[[ $(property StatusText) != *rejected* ]] || fail "the status still tells of the rejection"
echo 'second' > "$NOTES/second.md"
soon holds "$EXPORT/second.md" second
same NRestarts "$(property NRestarts)" 0
same "what the manager found wrong" "$(journalctl --boot --output=cat --no-pager UNIT="$UNIT" --priority=warning)" ""
must systemctl stop "$UNIT"
same Result "$(property Result)" success
