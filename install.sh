#!/bin/sh
# Installs tssh and tsshd, one file with two names, into PREFIX/bin.
set -eu
umask 022

usage='usage: install.sh [--prefix DIR] [--sha256 SUM] [FILE]
       install.sh [--prefix DIR] --uninstall

It installs FILE, or the program beside it in a release, or builds this checkout
with go. SUM is the SHA-256 that FILE must have, as SHA256SUMS tells it.

PREFIX (or --prefix) is ~/.local unless it is set. No root is needed for a
directory of your own. Running it again replaces what it installed before.'

say() { printf '%s\n' "install.sh: $*"; }
die() { printf '%s\n' "install.sh: $*" >&2; exit 1; }

uninstall=
file=
want=
while [ $# -gt 0 ]; do
	case $1 in
	--prefix) [ $# -gt 1 ] || die "--prefix needs a directory"; PREFIX=$2; shift ;;
	--prefix=*) PREFIX=${1#--prefix=} ;;
	--sha256) [ $# -gt 1 ] || die "--sha256 needs a checksum"; want=$2; shift ;;
	--sha256=*) want=${1#--sha256=} ;;
	--uninstall) uninstall=1 ;;
	-h | --help) printf '%s\n' "$usage"; exit 0 ;;
	-*) printf '%s\n' "$usage" >&2; exit 2 ;;
	*) [ -z "$file" ] || { printf '%s\n' "$usage" >&2; exit 2; }; file=$1 ;;
	esac
	shift
done

prefix=${PREFIX:-${HOME:?is not set; choose PREFIX}/.local}
bin=$prefix/bin

share=$prefix/share
extras='bash-completion/completions/tssh bash-completion/completions/tsshd
	zsh/site-functions/_tssh fish/vendor_completions.d/tssh.fish fish/vendor_completions.d/tsshd.fish
	man/man1/tssh.1 man/man5/tssh_config.5 man/man8/tsshd.8'

# The link is the mark of our own work: nobody else makes one of that kind.
ours() { [ -h "$bin/tsshd" ] && [ "$(readlink "$bin/tsshd")" = tssh ]; }

if [ -n "$uninstall" ]; then
	if ours; then
		rm -f "$bin/tsshd" "$bin/tssh" || die "remove $bin/tssh and $bin/tsshd: is another user the owner?"
		for name in $extras; do
			rm -f "$share/$name"
		done
		say "removed $bin/tssh and $bin/tsshd"
	elif [ -e "$bin/tssh" ] || [ -e "$bin/tsshd" ]; then
		die "$bin: tssh or tsshd is there, but it was not installed by this script; left alone"
	else
		say "nothing to remove in $bin"
	fi
	exit 0
fi

mkdir -p "$bin" 2>/dev/null || die "make $bin: choose another PREFIX, or become a user who may write there"
# In a directory of our own: where others may write to bin, one of them could
# have put a link at any name that is known before, and would choose the file
# that we write to. mkdir follows none and takes no name that is there.
n=0
until (umask 077 && mkdir "$bin/.tssh.$$.$n") 2>/dev/null; do
	n=$((n + 1))
	[ $n -lt 9 ] || die "write to $bin: choose another PREFIX, or become a user who may write there"
done
temp=$bin/.tssh.$$.$n
new=$temp/tssh
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM

here=$(cd "$(dirname "$0")" && pwd)
[ -n "$file" ] || [ -f "$here/go.mod" ] || [ ! -f "$here/tssh" ] || file=$here/tssh
if [ -n "$file" ]; then
	[ -f "$file" ] || die "$file: no such file"
	cat "$file" >"$new" || die "copy $file to $bin"
	cmp -s "$file" "$new" || die "copy $file to $bin: the copy differs; is the disk full?"
else
	[ -f "$here/go.mod" ] || die "$here is not a checkout of tssh; name a built file: install.sh FILE"
	command -v go >/dev/null || die "go is not installed and this would build $here; name a built file: install.sh FILE"
	say "building $here"
	(cd "$here" && CGO_ENABLED=0 go build -trimpath -tags inherit -ldflags '-s -w -checklinkname=0' -o "$new" .) || die "build $here"
fi
if [ -n "$want" ]; then
	want=$(printf '%s' "${want%% *}" | tr A-F a-f) # a whole line of SHA256SUMS, or PowerShell's capitals
	got=$(sha256sum <"$new" 2>/dev/null || shasum -a 256 <"$new" 2>/dev/null || sha256 -q <"$new" 2>/dev/null) ||
		die "this system has no sha256sum, shasum or sha256 to check $file with"
	[ "${got%% *}" = "$want" ] || die "$file is not what was named: its SHA-256 is ${got%% *}"
fi
chmod 755 "$new"
"$new" tsshd --version >/dev/null 2>&1 ||
	die "${file:-the program that was built} does not run here as tssh; is it for another system or machine?"

# Both renames are atomic: a session that starts meanwhile finds the old or the new.
mv -f "$new" "$bin/tssh"
ln -s tssh "$temp/tsshd"
mv -f "$temp/tsshd" "$bin/tsshd"
say "installed $bin/tssh and $bin/tsshd"

# Completion, and the manual pages that a release has. Who can't have them has
# the programs all the same.
put() { # name, in share; content from stdin
	mkdir -p "$share/${1%/*}" && cat >"$share/$1.$$" && mv -f "$share/$1.$$" "$share/$1"
}
{
	for name in $extras; do
		case $name in
		bash-completion/*) "$bin/tssh" --completion bash | put "$name" ;;
		zsh/*) "$bin/tssh" --completion zsh | put "$name" ;;
		fish/*) "$bin/tssh" --completion fish | put "$name" ;;
		man/*) [ ! -f "$here/$name" ] || put "$name" <"$here/$name" ;;
		esac
	done
} || say "completion and manual pages could not be written to $share"

case :$PATH: in
*:"$bin":*) ;;
*) say "$bin is not in your PATH; add this to your shell's start-up file: export PATH=\"$bin:\$PATH\"" ;;
esac
