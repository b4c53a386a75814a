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
mkdir -p "$releases"
# Two at a time would mix.
exec 9>"$prefix/.release.lock"
flock -n 9 || fail "Another one is just putting a release into $releases."
if [ -e "$release" ]; then
    # One that a power cut has left half made does not know its version.
    whole=$("$release/bin/faxplan" --version 2>/dev/null || true)
    [ "$whole" != "faxplan $version" ] || [ "$anew" = yes ] ||
        fail "$release is there already. A release is never changed: remove it first if nothing runs it, or say --anew."
    rm -rf "$release"
fi
trap 'rm -rf "$release"' EXIT HUP INT TERM

# In its place from the start, since programs in it name their Python by its whole path; `current` leads to whole ones only.
"$python" -m venv "$release"
"$python" -m zipfile -e "$wheel" "$release/wheel"
set -- "$release"/wheel/*.data/data/share/faxplan/requirements.lock
[ -f "$1" ] || fail "$wheel has no requirements.lock: it is not whole. Build it again, or download it."
if [ -n "$packages" ]; then
    # Whatever this machine's pip is set up for: another index has other files of the same version.
    PIP_CONFIG_FILE=/dev/null "$release/bin/python" -m pip install --quiet --disable-pip-version-check \
        --no-index --find-links "$packages" --constraint "$1" "$wheel" ||
        fail "pip did not install $wheel with the packages in $packages; what it said stands above."
else
    "$release/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$1" "$wheel" ||
        fail "pip did not install $wheel; what it said stands above. psycopg2 needs: apt-get install python3-dev gcc libpq-dev"
fi
rm -r "$release/wheel"
# FreeSWITCH's user, who may not write there, would compile each module anew at every start.
"$release/bin/python" -m compileall -q "$release/lib" "$release/share/faxplan" || true
installed=$("$release/bin/faxplan" --version)
[ "$installed" = "faxplan $version" ] || fail "The wheel is named $version and says of itself: $installed."
chmod -R go-w,a+rX "$release"
trap - EXIT HUP INT TERM

if [ "$take" = yes ] || { [ "$take" = missing ] && [ ! -e "$prefix/current" ]; }; then
    # By a new link and a rename: at no moment is there none.
    ln -sfn "releases/$version" "$prefix/current.new"
    mv -T "$prefix/current.new" "$prefix/current"
fi
printf '%s\n' "$release"
