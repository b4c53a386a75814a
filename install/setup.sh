#!/bin/sh
# Installs what Faxplan needs on this machine: Debian packages, and a Python virtual environment in .venv with the versions
# of requirements.lock. Names what is missing before it installs it; does nothing where nothing is missing. Run by make.
set -eu
cd "$(dirname "$0")/.."

# FreeSWITCH's mod_python3 is linked against the distribution's Python, and extension modules are good for one minor version
# only: so this Python, and no other that may stand in PATH.
python=/usr/bin/python3

packages() {
    cat <<-'LIST'
	python3-venv      the virtual environment
	python3-dev       to build psycopg2
	gcc               to build psycopg2
	libpq-dev         psycopg2, against the system's libpq (its ready-made wheel brings a second OpenSSL into the switch)
	libspandsp2       T.30 and T.38, for the bench
	ghostscript       renders documents to fax pages
	bubblewrap        confines it, and whatever else reads what strangers sent
	fonts-dejavu-core text documents and header lines
	libfribidi0       text that is written from right to left
	passwd            useradd: PostgreSQL runs under an account of its own when you are root
	tzdata            the time zones in header lines
	ca-certificates   to fetch the Python packages
	LIST
}

test_packages() {
    cat <<-'LIST'
	chromium          the browser's side of the vault is tested in it
	firefox-esr       and in this one
	gnupg             opens the mails that are sealed to OpenPGP keys
	openssl           and those that are sealed to certificates
	postfix           takes and delivers them, as an instance of the tests' own; no service is started
	LIST
}

installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ] || provided "$1"
}

# Whether another package stands for it: in Debian 13 libspandsp2 is libspandsp2t64, which provides it.
provided() {
    dpkg-query --show --showformat='${db:Status-Status} ${Provides}\n' | grep -Eq "^installed (.*[ ,])?$1([ ,]|\$)"
}

# Whether there is a mail server already. Debian has one at most: Postfix would take its place.
has_a_mail_server() {
    provided mail-transport-agent
}

# What the package manager says: hundreds of lines, which nobody needs where it succeeds.
log=$PWD/build/install.log

say() { printf '%s\n' "$*" >&2; }

# Prints the word to put before a command that needs root; ends the script if there is none.
become_root() {
    if [ "$(id -u)" = 0 ]; then
        return
    fi
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        echo sudo
        return
    fi
    say "You are neither root nor able to use sudo. Ask somebody who is to run:"
    say "    apt-get install --no-install-recommends$1"
    say "and run make again."
    return 1
}

# Those that the function $1 lists.
install_packages() {
    if ! command -v dpkg-query >/dev/null; then
        say "This is not Debian. Faxplan installs itself on Debian 12 and 13; elsewhere install what these packages bring, and see"
        say "CONTRIBUTING.md for the steps that remain:"
        "$1" >&2
        return 1
    fi
    missing=''
    reasons=''
    while read -r name why; do
        if ! installed "$name"; then
            if [ "$name" = postfix ] && has_a_mail_server; then
                say "This machine has another mail server than Postfix, and keeps it: the tests that want Postfix are skipped."
                continue
            fi
            missing="$missing $name"
            reasons="$reasons$(printf '\n    %-18s %s' "$name" "$why")"
        fi
    done <<-LIST
	$("$1")
	LIST
    [ -n "$missing" ] || return 0
    say "Missing on this machine:$reasons"
    as_root=$(become_root "$missing")
    mkdir -p "${log%/*}"
    # One that another user has left cannot be written.
    touch "$log" 2>/dev/null || log=$(mktemp)
    : >"$log"
    say "Installing$missing with apt-get; what it says goes to $log."
    # shellcheck disable=SC2086 # both are lists of words
    logged $as_root apt-get update -qq
    case "$missing " in
        *' postfix '*)
            # Without a main.cf nothing starts it, now or when the machine starts.
            # shellcheck disable=SC2086
            logged $as_root sh -c "echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections"
            ;;
    esac
    # shellcheck disable=SC2086
    logged $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends $missing
}

# Runs a command whose output goes to the log. Where it fails all of the log is shown: why apt-get install finds no package
# may have been said by apt-get update, which ends well even so.
logged() {
    "$@" >>"$log" 2>&1 </dev/null && return
    status=$?
    cat "$log" >&2
    say "This failed (exit status $status): $*"
    say "Its output, above, is also in $log. Mend what it names, and run make again."
    return "$status"
}

make_environment() {
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        say "$python is older than Python 3.11; Faxplan needs Debian 12 or later."
        return 1
    fi
    # Half an environment, or one of a Python that has since been upgraded, cannot run pip.
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        say "Making the Python environment .venv"
        "$python" -m venv --clear .venv
    fi
    say "Installing the Python packages of requirements.lock into .venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
}

case "${1:-}" in
    '')
        install_packages packages
        make_environment
        ;;
    tests) install_packages test_packages ;;
    *)
        say "Either install/setup.sh, or install/setup.sh tests"
        exit 2
        ;;
esac
