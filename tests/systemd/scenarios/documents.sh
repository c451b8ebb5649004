# The README's docx and PDF, made in the sandbox with the drop-in that the README names.

{ command -v pandoc && command -v weasyprint; } >/dev/null || skip "pandoc or weasyprint is not installed"

systemd-sysusers
systemd-tmpfiles --create smartnotesd.conf

mkdir -p "/etc/systemd/system/$UNIT.d"
echo '[Service]
ExecPaths=/usr/bin/pandoc /usr/bin/weasyprint /usr/bin/python3' > "/etc/systemd/system/$UNIT.d/commands.conf"
must systemctl daemon-reload
{ grep '^[a-z]*_dir:' "$CONFIG"; cat /root/formats.yaml; } > /tmp/config.yaml
cp /tmp/config.yaml "$CONFIG"
printf '# Title\n\n![[dot.png]]\n' > "$NOTES/a.md"
base64 -d > "$NOTES/dot.png" <<< 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC'
must systemctl start "$UNIT"
soon said 'batch finished'
must grep -q word/media/ "$EXPORT/a.docx"
must grep -aq '/Subtype /Image' "$EXPORT/a.pdf"
must smartnotesd verify
