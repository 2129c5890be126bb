#!/bin/bash
# Puts cad-bridge into a panel's server. The panel runs this in a container of its own; the server's files are in
# /mnt/server, and come back as /home/container when the server starts. Running it again upgrades: configuration,
# secrets and outbox stay as they are.
set -euo pipefail

server=/mnt/server
program=$server/program
work=$server/.installing # not /tmp: panels give it 50 MB

say() { echo "cad-bridge: $*"; }

give_up() {
    say "$*" >&2
    exit 1
}

# The archive: downloaded where RELEASE_URL says, else the newest one that was uploaded.
find_archive() {
    if [ -n "${RELEASE_URL:-}" ]; then
        archive=$work/${RELEASE_URL##*/}
        case $archive in *.tar.gz | *.tgz | *.zip) ;; *) archive=$archive.tar.gz ;; esac
        say "downloading $RELEASE_URL"
        python3 -c 'import sys, urllib.request; urllib.request.urlretrieve(sys.argv[1], sys.argv[2])' \
            "$RELEASE_URL" "$archive" || give_up "that did not work: look at RELEASE_URL"
    else
        archive=$(find "$server" -maxdepth 1 -type f -name 'cad-bridge*' \
            \( -name '*.tar.gz' -o -name '*.tgz' -o -name '*.zip' \) -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
    fi
}

check_archive() {
    [ -n "${RELEASE_SHA256:-}" ] || return 0
    echo "$RELEASE_SHA256  $archive" | sha256sum --check --status ||
        give_up "${archive##*/} is not what RELEASE_SHA256 says; nothing was changed"
}

unpack_archive() {
    say "unpacking ${archive##*/}"
    case $archive in
    *.zip) unpack=(zipfile --extract) ;;
    *) unpack=(tarfile --filter data --extract) ;;
    esac
    python3 -m "${unpack[@]}" "$archive" "$work/source" || give_up "${archive##*/} cannot be unpacked; nothing was changed"
    source=$(find "$work/source" -maxdepth 3 -path '*/bridge/__main__.py' -printf '%h\n')
    source=${source%/bridge}
    [ -f "$source/requirements.txt" ] ||
        give_up "${archive##*/} does not hold the source of cad-bridge; nothing was changed"
}

# What it runs on comes from the Python package index, each file checked against its hash in requirements.txt.
install_program() {
    say "installing what it runs on"
    TMPDIR=$work/tmp python3 -m pip install --quiet --disable-pip-version-check --no-cache-dir --root-user-action=ignore \
        --only-binary=:all: --require-hashes --target "$work/program" --requirement "$source/requirements.txt"
    cp -R "$source/bridge" "$work/program/bridge"
    version=$(PYTHONPATH=$work/program python3 -P -m bridge --version) ||
        give_up "it does not run with $(python3 --version); nothing was changed"
    rm -rf "$program"
    mv "$work/program" "$program"
    say "installed $version"
}

# Once: what stands in it later is the owner's, but for the lines that the panel writes at each start.
write_configuration() {
    [ -s "$server/bridge.toml" ] && return 0
    say "writing bridge.toml"
    cat >"$server/bridge.toml" <<'TOML'
# The panel writes the lines whose key stands in quotes at each start: from the allocation and from the page "Startup".
# All others are yours. Every key there is: config/bridge.example.toml in the release.

[listener]
"bind" = "0.0.0.0:30180"

[admin]
bind = "127.0.0.1:30181" # inside the container; another allocation to read it from outside

[cad]
"community_id" = "examplecad"
api_key_file = "api-key" # read where CAD_BRIDGE_API_KEY is empty

[[servers]]
"id" = 1
name = "main"
token_file = "server-1.token" # read where CAD_SERVER_TOKEN is empty
TOML
}

write_start() {
    cat >"$server/start.sh" <<'START'
#!/bin/bash
# What the panel starts. The installation wrote it, and the next one writes it anew.
if [ ! -d program/bridge ]; then
    echo "cad-bridge is not installed: upload cad-bridge-….tar.gz or .zip, then press Reinstall" >&2
    exit 1
fi
[ -z "${CAD_SERVER_TOKEN:-}" ] || export "CAD_BRIDGE_TOKEN_${CAD_SERVER_ID:-1}=$CAD_SERVER_TOKEN"
unset CAD_SERVER_TOKEN
export PYTHONPATH=$PWD/program
exec python3 -P -m bridge run --config bridge.toml
START
}

mint_token() {
    if [ -n "${CAD_SERVER_TOKEN:-}" ] || [ -e "$server/server-1.token" ]; then
        return 0
    fi
    (umask 077 && python3 -c 'import secrets; print(secrets.token_urlsafe(32))' >"$server/server-1.token")
    say "made the game server's token: it is in server-1.token"
}

rm -rf "$work"
mkdir -p "$work/tmp"
trap 'rm -rf "$work"' EXIT
find_archive
write_configuration
write_start
mint_token
if [ -z "$archive" ]; then
    # No failure: the panel would lock the server, and nobody could upload the archive.
    say "there is no release yet: upload cad-bridge-….tar.gz or .zip to the server's files, then press Reinstall"
    exit 0
fi
check_archive
unpack_archive
install_program
