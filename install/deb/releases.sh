# What the package's scripts know of releases. A release lies outside of the package: what FreeSWITCH has loaded must not go
# with the next version's files, and `faxplan upgrade` decides which one is in force.
prefix=${DPKG_ROOT:-}/usr/local/lib/faxplan
# In a release: the package has made it, and takes it away again.
mark=.made-by-the-package
# The turn to change what is installed on this machine (faxplan/machine_turn.py).
turn=$prefix/.lock

# Takes the turn until the script ends; false where somebody else has it.
take_turn() {
    mkdir -p "$prefix"
    (umask 077; : >>"$turn")
    exec 8<>"$turn"
    flock -n 8
}

# Who has the turn.
who() { tail -n 1 "$turn" | grep . || echo "somebody else"; }

# Until nobody has the turn: most take minutes, a backup may take longer.
wait_turn() {
    [ -e "$turn" ] || return 0
    flock -n "$turn" true || {
        echo "Waits for the end of: $(who)"
        flock -w 1800 "$turn" true || true
    }
}

# The release that a link of the prefix leads to; nothing where it leads nowhere.
led_to() { [ ! -e "$prefix/$1" ] || basename "$(readlink -f "$prefix/$1")"; }

# Whether a process has files of that release in memory, such as FreeSWITCH; the kernel names them without links.
is_loaded() { grep -q -s -F "$(readlink -f "$prefix/releases/$1")/" /proc/[0-9]*/maps; }

# Takes a release away; under another name first, so that what is left of it is never taken for a whole one.
take_away() {
    rm -rf "$prefix/releases/.$1.making"
    mv -T "$prefix/releases/$1" "$prefix/releases/.$1.making"
    rm -rf "$prefix/releases/.$1.making"
}

# Each release that a package has made.
made_by_packages() {
    for made in "$prefix"/releases/[0-9]*/"$mark"; do
        [ ! -e "$made" ] || basename "$(dirname "$made")"
    done
}
