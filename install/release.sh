#!/bin/sh
# Puts a release beside those that are there: PREFIX/releases/VERSION, a virtual environment of the system's Python with the
# wheel in it and what it depends on at the versions of requirements.lock. It changes nothing that runs: `current` goes on
# leading to the release in force, unless there is none yet or --current is said. Prints the release's folder.
#
#     install/release.sh dist/faxplan-0.1.0-py3-none-any.whl [--prefix DIR] [--packages DIR] [--current | --beside] [--anew]
#
# --current: it is the one in force from now on. --beside: it is not, even where none is. --anew: in the place of one of the
# same version, on a machine for trials: what runs of that one breaks. --packages: what it depends on lies in that folder as
# wheels, and nothing is fetched; Debian's package of Faxplan does so.
# One at a time, and not beside `faxplan install`, `upgrade` and so on. Killed, it is just said again.
# Needs the Debian package python3-venv, and without --packages also python3-dev, gcc and libpq-dev: psycopg2 is built against
# the system's libpq. The wheel has this script in it, for whoever has no checkout (docs/install-on-freeswitch.md).
set -eu
# FreeSWITCH's account is to read it, whatever root's own umask is.
umask 022

prefix=/usr/local/lib/faxplan
# FreeSWITCH's mod_python3 is linked against the distribution's Python; extension modules are good for that one only.
python=/usr/bin/python3
wheel='' packages='' take=missing anew=no

fail() { printf 'install/release.sh: %s\n' "$*" >&2; exit 1; }
usage() { printf 'install/release.sh WHEEL [--prefix DIR] [--packages DIR] [--current | --beside] [--anew]\n' >&2; exit 2; }

while [ $# -gt 0 ]; do
    case "$1" in
        --prefix) [ $# -ge 2 ] || usage; prefix=$2; shift ;;
        --packages) [ $# -ge 2 ] || usage; packages=$2; shift ;;
        --current) take=yes ;;
        --beside) take=no ;;
        --anew) anew=yes ;;
        -*) usage ;;
        *) [ -z "$wheel" ] || usage; wheel=$1 ;;
    esac
    shift
done
[ -n "$wheel" ] || usage
[ -f "$wheel" ] || fail "$wheel is not there. \`make dist\` writes the wheel into dist/."
case "$prefix" in /*) ;; *) fail "--prefix takes a whole path, from /; got $prefix." ;; esac
[ -z "$packages" ] || [ -d "$packages" ] || fail "--packages: $packages is no folder."

name=${wheel##*/}
version=${name#faxplan-}
version=${version%%-*}
# Without a version, or with one that is no name, all releases would be taken for this one.
case "$name" in faxplan-[0-9]*-*.whl) ;; *) fail "$name is no wheel of Faxplan (faxplan-VERSION-py3-none-any.whl)." ;; esac
for module in venv ensurepip; do
    "$python" -c "import $module" 2>/dev/null ||
        fail "$python cannot make virtual environments. Install it: apt-get install python3-venv"
done

releases=$prefix/releases
release=$releases/$version
# Where `faxplan upgrade` makes one, too: it is no release until it has its name, and the next one, whoever it is, removes
# what a killed one has left.
making=$releases/.$version.making
mkdir -p "$releases"
# The turn of this machine, as faxplan/machine_turn.py takes it: what is started here has it open, too.
turn=$prefix/.lock
(umask 077; : >>"$turn")
exec 9<>"$turn"
flock -n 9 || fail "$(tail -n 1 "$turn" | grep . || echo Somebody else) is at work here, or what it had started still is. \
Wait for its end. Nothing was changed."
printf 'install/release.sh %s, process %s, since %s\n' "$version" "$$" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" >"$turn"
trap ': >"$turn"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
if [ -e "$release" ]; then
    # One that was damaged does not know its version.
    whole=$("$release/bin/faxplan" --version 2>/dev/null || true)
    [ "$whole" != "faxplan $version" ] || [ "$anew" = yes ] ||
        fail "$release is there already. A release is never changed: remove it first if nothing runs it, or say --anew."
fi
rm -rf "$making"
trap 'rm -rf "$making"; : >"$turn"' EXIT

"$python" -m zipfile -l "$wheel" >/dev/null 2>&1 || fail "$wheel cannot be read. Download it again, or build it: make dist"
"$python" -m venv "$making"
"$python" -m zipfile -e "$wheel" "$making/wheel"
set -- "$making"/wheel/*.data/data/share/faxplan/requirements.lock
[ -f "$1" ] || fail "$wheel has no requirements.lock: it is not whole. Build it again, or download it."
if [ -n "$packages" ]; then
    # Whatever this machine's pip is set up for: another index has other files of the same version.
    PIP_CONFIG_FILE=/dev/null "$making/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
        --no-index --find-links "$packages" --constraint "$1" "$wheel" ||
        fail "pip did not install $wheel with the packages in $packages; what it said stands above."
else
    "$making/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --constraint "$1" "$wheel" ||
        fail "pip did not install $wheel; what it said stands above. psycopg2 needs: apt-get install python3-dev gcc libpq-dev"
fi
rm -r "$making/wheel"
# FreeSWITCH's user, who may not write there, would compile each module anew at every start.
"$making/bin/python" -m compileall -q -s "$making" -p "$release" "$making/lib" "$making/share/faxplan" || true
installed=$("$making/bin/faxplan" --version)
[ "$installed" = "faxplan $version" ] || fail "The wheel is named $version and says of itself: $installed."
chmod -R go-w,a+rX "$making"
# Programs in it name their Python by its whole path. Version and prefix may hold what sed takes for a pattern.
"$python" - "$making" "$release" <<'MOVED'
import pathlib, sys
making, release = map(pathlib.Path, sys.argv[1:])
for file in (making / "pyvenv.cfg", *(making / "bin").iterdir()):
    if file.is_file() and not file.is_symlink():
        content = file.read_bytes()
        file.write_bytes(content.replace(bytes(making), bytes(release)))
MOVED
if [ -e "$release" ]; then
    # Under the other name, so that what is left of it is never taken for a whole one.
    rm -rf "$releases/.$version.old.making"
    mv -T "$release" "$releases/.$version.old.making"
fi
mv -T "$making" "$release"
trap ': >"$turn"' EXIT
rm -rf "$releases/.$version.old.making"

if [ "$take" = yes ] || { [ "$take" = missing ] && [ ! -e "$prefix/current" ]; }; then
    # By a new link and a rename: at no moment is there none.
    ln -sfn "releases/$version" "$prefix/current.new"
    mv -T "$prefix/current.new" "$prefix/current"
fi
printf '%s\n' "$release"
