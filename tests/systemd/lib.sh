# What every script in the container begins with. A script is a list of checks; the first that fails ends it.

UNIT=smartnotesd.service
CONFIG=/etc/smartnotesd/config.yaml
NOTES=/var/lib/smartnotesd/notes
EXPORT=/var/lib/smartnotesd/export

# A failure is told wherever the output of the line that failed goes.
exec 3>&1

# step WHAT: what the lines after it are about.
step() { echo "== $* (from second $SECONDS)"; }

# fail WHY: the end, with all that may help to see why.
fail() {
    exec >&3 2>&3
    # Of one that was stopped nothing could be read.
    systemctl kill --signal=CONT systemd-journald
    echo "FAILED: $*"
    systemctl --no-pager --full status "$UNIT"
    journalctl --sync
    journalctl --no-pager --output=short-precise --boot --lines=60 --unit="$UNIT"
    exit 1
}

# skip WHY: the machine lacks something that the script needs.
skip() {
    echo "SKIPPED: $*"
    exit 77
}

# must COMMAND...: it succeeds.
must() { "$@" || fail "$* (exit $?)"; }

# same WHAT IS SHOULD: two texts are one.
same() { [ "$2" = "$3" ] || fail "$1 is «$2», not «$3»"; }

# has WHAT TEXT PART: the part is in the text.
has() { [[ $2 == *"$3"* ]] || fail "$1 is «$2», without «$3»"; }

# soon COMMAND...: it succeeds within a generous time, which PATIENCE= makes another.
soon() {
    local end=$((SECONDS + ${PATIENCE:-40}))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "still not: $*"
        sleep 0.05
    done
}

# property NAME: of the unit.
property() { systemctl show --property="$1" --value "$UNIT"; }

is() { [ "$(property "$1")" = "$2" ]; }

# entries [MATCH]...: the unit's records in the journal, one JSON object a line.
entries() {
    journalctl --sync
    journalctl --unit="$UNIT" --output=json --no-pager "$@"
}

# said MESSAGE [FIELD=VALUE]...: the unit has such a record.
said() {
    local message=$1
    shift
    [ -n "$(entries "MESSAGE=$message" "$@")" ]
}

# stray: temporary files in the export tree.
stray() { find "$EXPORT" -name '.*' ! -path "$EXPORT" -print; }

# holds FILE TEXT
holds() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }
