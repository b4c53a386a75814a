#!/bin/sh
# Makes of a fresh Debian 12 or 13 a machine with Faxplan on it, to try things on: FreeSWITCH, PostgreSQL, Faxplan by its own
# installer, the portal behind nginx with TLS, and two organisations that do not exist. For a virtual machine (Vagrantfile)
# or a container, as root; not for a machine that has something to lose: it takes the ports of a web server, and configures
# a FreeSWITCH that has no configuration yet. Again, it goes on where it ended.
#
#     SIGNALWIRE_TOKEN=... install/provision.sh [--source DIR] [--user NAME] [--domain NAME]
#
# SIGNALWIRE_TOKEN: a personal access token, which SignalWire gives out free of charge; FreeSWITCH's packages come by it.
# Without one, and where no FreeSWITCH is there, all else is done, and what is missing is said at the end.
# --source: Faxplan's checkout, or its unpacked sdist (this one). --user: who works with it: gets a copy at ~/faxplan, where
# `make live` and `make run` work (the caller of sudo, else root). --domain: the portal's (localhost: browsers find all names
# below it on the machine itself, and nobody needs an entry in a DNS).
set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
user=${SUDO_USER:-root}
domain=localhost
prefix=/usr/local/lib/faxplan
token=${SIGNALWIRE_TOKEN:-}
unset SIGNALWIRE_TOKEN # no program below needs it
export DEBIAN_FRONTEND=noninteractive
not_done=''

say() { printf '\n== %s\n' "$*"; }
missed() {
    printf '%s\n' "$*"
    not_done="$not_done
  - $*"
}
fail() { printf 'install/provision.sh: %s\n' "$*" >&2; exit 1; }

while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || fail "$1 takes a value"
    case "$1" in
        --source) source=$2 ;;
        --user) user=$2 ;;
        --domain) domain=$2 ;;
        *) fail "$1 is none of --source, --user, --domain" ;;
    esac
    shift 2
done
[ "$(id -u)" = 0 ] || fail "run it as root"
[ -f "$source/schema.sql" ] || fail "$source is no checkout of Faxplan (--source)"
# A name that the shell, nginx and a certificate take as it is.
case "$domain" in '' | *[!a-z0-9.-]*) fail "$domain is no domain name" ;; esac
home=$(getent passwd "$user") || fail "there is no account $user (--user)"
home=$(printf '%s\n' "$home" | cut -d: -f6)
[ -d "$home" ] || fail "$user has no home folder ($home)"

has_systemd() { [ -d /run/systemd/system ]; }
as_user() { if [ "$user" = root ]; then "$@"; else runuser -u "$user" -- env HOME="$home" "$@"; fi }
start() {
    if has_systemd; then systemctl enable --quiet --now "$1" && systemctl reload-or-restart "$1"; else service "$1" restart; fi
}

packages() {
    say "Packages of Debian"
    apt-get update -qq
    apt-get install -qq --yes --no-install-recommends git make python3 python3-venv python3-dev gcc libpq-dev libspandsp2 ghostscript \
        bubblewrap fonts-dejavu-core libfribidi0 tzdata ca-certificates cron sudo postgresql nginx-light openssl >/dev/null
}

freeswitch_packages() {
    say "FreeSWITCH"
    if command -v freeswitch >/dev/null || [ -x /usr/local/freeswitch/bin/freeswitch ]; then
        echo "It is there already."
        return
    fi
    if [ -z "$token" ]; then
        missed "FreeSWITCH: SIGNALWIRE_TOKEN is not set, and none is installed. Faxplan's bench takes its place in \`make run\`."
        return
    fi
    apt-get install -qq --yes --no-install-recommends curl >/dev/null
    host=freeswitch.signalwire.com
    keyring=/usr/share/keyrings/signalwire-freeswitch-repo.gpg
    login=/etc/apt/auth.conf.d/freeswitch.conf
    (
        umask 077
        printf 'machine %s login signalwire password %s\n' "$host" "$token" >"$login"
    )
    # The token goes in by standard input: an argument would show in the list of processes.
    printf 'user = "signalwire:%s"\n' "$token" |
        curl --fail --silent --show-error --config - --output "$keyring" "https://$host/repo/deb/debian-release/signalwire-freeswitch-repo.gpg" ||
        fail "SignalWire's repository did not give its key: is the token right?"
    chmod 644 "$keyring"
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    echo "deb [signed-by=$keyring] https://$host/repo/deb/debian-release/ $codename main" >/etc/apt/sources.list.d/freeswitch.list
    apt-get update -qq
    apt-get install -qq --yes freeswitch freeswitch-systemd freeswitch-conf-vanilla freeswitch-mod-python3 freeswitch-mod-spandsp \
        freeswitch-mod-sofia freeswitch-mod-event-socket freeswitch-mod-commands freeswitch-mod-dptools freeswitch-mod-dialplan-xml \
        freeswitch-mod-console freeswitch-mod-logfile freeswitch-mod-loopback freeswitch-mod-tone-stream freeswitch-mod-db >/dev/null
    # Its packages leave /etc/freeswitch to the administrator (README.Debian).
    if [ ! -e /etc/freeswitch/freeswitch.xml ]; then
        mkdir -p /etc/freeswitch
        cp -a /usr/share/freeswitch/conf/vanilla/. /etc/freeswitch/
        chown -R freeswitch:freeswitch /etc/freeswitch
        # Everybody knows the vanilla one.
        sed -i "s/ClueCon/$(openssl rand -hex 16)/" /etc/freeswitch/autoload_configs/event_socket.conf.xml
    fi
    start freeswitch
}

copy_of_the_source() {
    say "Faxplan's source in $home/faxplan"
    # A copy: its database and sockets do not get on with a shared folder.
    as_user mkdir -p "$home/faxplan"
    tar -C "$source" --exclude=./.venv --exclude=./var --exclude=./build --exclude=./dist --exclude=./.vagrant -cf - . | tar -C "$home/faxplan" -xf - --no-same-owner
    chown -R "$user": "$home/faxplan"
    # `vagrant ssh -c "make live"` begins in the home directory.
    # shellcheck disable=SC2016 # for make
    printf '# Written by install/provision.sh: make, for Faxplan.\n.DEFAULT_GOAL := help\n%%:\n\t@$(MAKE) --no-print-directory -C faxplan $@ ARGS="$(ARGS)"\n' >"$home/Makefile"
    chown "$user": "$home/Makefile"
}

release() {
    say "The wheel, and a release of it"
    rm -rf "$home/faxplan/dist"
    as_user make --no-print-directory -C "$home/faxplan" dist >"$home/faxplan/dist.log" 2>&1 ||
        { cat "$home/faxplan/dist.log"; fail "the wheel was not built"; }
    "$source/install/release.sh" "$home"/faxplan/dist/faxplan-*.whl --prefix "$prefix" --current --anew
    "$prefix/current/bin/faxplan" --version
}

database() {
    say "PostgreSQL"
    start postgresql >/dev/null
    # It answers some moments after it was started.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        ! runuser -u postgres -- psql --quiet --no-psqlrc --command 'select 1' >/dev/null 2>&1 || break
        sleep 1
    done
}

# Where the installer does not: so much can be done without a switch.
database_alone() {
    (cd / && runuser -u postgres -- "$prefix/current/bin/faxplan" database create --database faxplan)
}

installation() {
    say "faxplan install"
    if ! "$prefix/current/bin/faxplan" install --help >/dev/null 2>&1; then
        missed "faxplan install: this release does not have it."
        database_alone
        return
    fi
    # 127.0.0.1: the only trunk of the demonstration leads back to this machine.
    if ! "$prefix/current/bin/faxplan" install --yes --sip-ip 127.0.0.1; then
        missed "faxplan install: what is missing stands above. The database is made, and no FreeSWITCH takes part."
        database_alone
        return
    fi
    settings=/etc/faxplan/faxplan.toml
    if ! grep -q '^portal_domain' "$settings"; then
        printf '\n# By install/provision.sh\nportal_domain = "%s"\nportal_behind_proxy = true\nportal_administration_listen = "127.0.0.1:8081"\n' \
            "$domain" >>"$settings"
    fi
    if has_systemd; then
        # The installer starts what every installation runs; the portal is for who wants it.
        systemctl enable --quiet --now faxplan-portal.socket faxplan-portal.service faxplan-administration.socket faxplan-administration.service
        systemctl restart faxplan-worker faxplan-portal faxplan-administration freeswitch
    fi
    port=$(sed -n 's/.*faxplan_sip_port=\([0-9]*\).*/\1/p' /etc/freeswitch/faxplan/vars.xml /usr/local/freeswitch/conf/faxplan/vars.xml 2>/dev/null | head -n 1)
    "$prefix/current/bin/python" "$source/install/demo_tenants.py" /root/faxplan-passwords "${port:-5090}" ||
        missed "the two demonstration organisations: what was said stands above."
}

proxy() {
    say "nginx with TLS"
    certificate=/etc/ssl/faxplan.pem key=/etc/ssl/private/faxplan.key
    if [ ! -s "$key" ]; then
        # Nobody's: a browser asks once whether to trust it. For good, put one there that a CA has signed.
        (
            umask 077
            openssl req -x509 -newkey rsa:2048 -nodes -days 825 -subj "/CN=$domain" -keyout "$key" -out "$certificate" \
                -addext "subjectAltName=DNS:$domain,DNS:*.$domain,DNS:harrow-pike.$domain,DNS:calder-marine.$domain" 2>/dev/null
        )
        chmod 644 "$certificate"
    fi
    python3 "$source/install/nginx_site.py" "$domain" "$certificate" "$key" >/etc/nginx/conf.d/faxplan.conf
    rm -f /etc/nginx/sites-enabled/default
    nginx -t -q || fail "nginx does not take /etc/nginx/conf.d/faxplan.conf"
    if has_systemd; then start nginx; else missed "nginx: its configuration is tested, and no systemd runs here that could start it."; fi
}

packages
freeswitch_packages
copy_of_the_source
release
database
installation
proxy

say "Done, on $(hostname)"
if [ -n "$not_done" ]; then
    printf 'Not done:%s\n' "$not_done"
else
    "$prefix/current/bin/faxplan" doctor || true
    echo "The portal: https://calder-marine.$domain (in Vagrant's machine, from outside, port 8443)"
    echo "The passwords of its users: /root/faxplan-passwords"
fi
