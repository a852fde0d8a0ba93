#!/bin/sh
# Installs nexus for the current user, from a release or from a folder with its archives:
#
#   curl -fsSL https://github.com/opencode-nexus/opencode-nexus/releases/latest/download/install.sh | sh
#   sh install.sh --from ./dist --to ~/bin
#
# The archive is compared with SHA256SUMS beside it before anything of it is used. Nothing is written outside the
# folders that are named at the end, and --uninstall removes just these files.
set -eu

releases=https://github.com/opencode-nexus/opencode-nexus/releases
from=
version=latest
to=${XDG_BIN_HOME:-${HOME:?set HOME}/.local/bin}
data=${XDG_DATA_HOME:-$HOME/.local/share}
uninstall=

usage() {
  cat <<'TEXT'
Usage: install.sh [--version X.Y.Z] [--to FOLDER] [--from FOLDER-OR-URL] [--uninstall]

  --version X.Y.Z   the release; otherwise the latest
  --to FOLDER       where the program goes; otherwise ~/.local/bin
  --from PLACE      a folder or an address that holds the archives and SHA256SUMS
  --uninstall       remove what this script installs
TEXT
}

fail() {
  echo "install.sh: $1" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --version) version=${2:?--version needs a version}; shift 2 ;;
    --to) to=${2:?--to needs a folder}; shift 2 ;;
    --from) from=${2:?--from needs a folder or an address}; shift 2 ;;
    --uninstall) uninstall=1; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown argument: $1" ;;
  esac
done

bash_completion=$data/bash-completion/completions/nexus
zsh_completion=$data/zsh/site-functions/_nexus
fish_completion=$data/fish/vendor_completions.d/nexus.fish
man=$data/man/man1

if [ -n "$uninstall" ]; then
  rm -f "$to/nexus" "$bash_completion" "$zsh_completion" "$fish_completion"
  rm -f "$man/nexus.1" "$man"/nexus-*.1
  echo "nexus is removed. Your settings, servers and history are left; see README.md for where they are."
  exit 0
fi

machine=$(uname -m)
case $machine in
  x86_64 | amd64) machine=x86_64 ;;
  aarch64 | arm64) machine=aarch64 ;;
  *) fail "there is no release for $machine; build it: cargo install --git ${releases%/releases} opencode-nexus-lsp" ;;
esac
case $(uname -s) in
  Linux)
    # The library of the system, not of this shell: a static one runs on both.
    if [ -e /lib64/ld-linux-x86-64.so.2 ] || [ -e /lib/ld-linux-aarch64.so.1 ]; then
      target=$machine-unknown-linux-gnu
    else
      target=$machine-unknown-linux-musl
    fi
    ;;
  Darwin) target=$machine-apple-darwin ;;
  *) fail "this script is for Linux and macOS; for Windows take the archive from $releases" ;;
esac

if [ -z "$from" ]; then
  if [ "$version" = latest ]; then from=$releases/latest/download; else from=$releases/download/v$version; fi
fi
archive=nexus-$target.tar.gz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

fetch() {
  case $from in
    http://* | https://*)
      if command -v curl >/dev/null; then
        curl -fSL --proto '=https,http' --retry 3 -o "$work/$1" "$from/$1" || fail "cannot fetch $from/$1"
      elif command -v wget >/dev/null; then
        wget -O "$work/$1" "$from/$1" || fail "cannot fetch $from/$1"
      else
        fail "install curl or wget"
      fi
      ;;
    *) cp "$from/$1" "$work/$1" || fail "there is no $from/$1" ;;
  esac
}

fetch SHA256SUMS
fetch "$archive"
expected=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")
[ -n "$expected" ] || fail "SHA256SUMS has no line for $archive"
if command -v sha256sum >/dev/null; then
  found=$(sha256sum "$work/$archive")
elif command -v shasum >/dev/null; then
  found=$(shasum -a 256 "$work/$archive")
else
  fail "install sha256sum or shasum: nothing is installed unchecked"
fi
[ "${found%% *}" = "$expected" ] || fail "$archive is not what SHA256SUMS says; fetch it again"

tar -xzf "$work/$archive" -C "$work"
root=$work/nexus-$target
mkdir -p "$to"
# Under another name first: a program that runs cannot be written over, but it can be replaced.
cp "$root/nexus" "$to/.nexus.new"
chmod 755 "$to/.nexus.new"
mv -f "$to/.nexus.new" "$to/nexus"
place() {
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2"
}
place "$root/completions/nexus.bash" "$bash_completion"
place "$root/completions/_nexus" "$zsh_completion"
place "$root/completions/nexus.fish" "$fish_completion"
mkdir -p "$man"
cp "$root"/man/*.1 "$man/"

echo "$("$to/nexus" --version) is installed: $to/nexus"
case :$PATH: in
  *:"$to":*) echo "Next: nexus demo" ;;
  *) echo "Add it to your PATH: export PATH=\"$to:\$PATH\"" ;;
esac
