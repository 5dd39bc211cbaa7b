#!/bin/sh
# Installs surefix below a prefix: from a binary that is there, or built from a checkout of the source.
#
#   sh dist/install.sh                                  builds from the checkout that this script lies in
#   SUREFIX_BINARY=/path/to/surefix sh dist/install.sh  takes a binary
#   SUREFIX_PREFIX=/usr/local sh dist/install.sh        another place (default: ~/.local)
set -eu
prefix=${SUREFIX_PREFIX:-$HOME/.local}
source=${SUREFIX_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
mkdir -p "$prefix/bin"
if [ -n "${SUREFIX_BINARY:-}" ]; then
    # Written beside and renamed: a running program is not written over.
    cp -- "$SUREFIX_BINARY" "$prefix/bin/.surefix.new"
    chmod 755 "$prefix/bin/.surefix.new"
    "$prefix/bin/.surefix.new" --version >/dev/null
    mv -f -- "$prefix/bin/.surefix.new" "$prefix/bin/surefix"
elif command -v cargo >/dev/null; then
    cargo install --quiet --locked --force --path "$source/crates/cli" --root "$prefix"
else
    echo "install.sh: set SUREFIX_BINARY, or install cargo (https://rustup.rs) to build from source" >&2
    exit 1
fi
"$prefix/bin/surefix" --version
case ":$PATH:" in
    *":$prefix/bin:"*) ;;
    *) echo "$prefix/bin is not in PATH" >&2 ;;
esac
