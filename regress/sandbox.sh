#!/bin/sh
# The first process of a test's own network, mounts and process table: what the
# test leaves running ends with it, and nothing outside is touched.
#
#   sandbox.sh DIR TSSHD|none SSH COMMAND...
#
# COMMAND runs in DIR, with an empty home directory, TSSHD in the server's PATH
# and SSH in the place of /usr/bin/ssh.
set -eu
dir=$1 tsshd=$2 ssh=$3
shift 3

mount -t proc proc /proc
ip link set lo up
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/sshd
mount -t tmpfs -o mode=700 tmpfs "$HOME"
mount --bind "$ssh" /usr/bin/ssh
if [ "$tsshd" != none ]; then
	mkdir "$dir/servers"
	cp "$tsshd" "$dir/servers/tsshd"
	mount --bind "$dir/servers" /usr/local/bin
fi
unset SSH_AUTH_SOCK SSH_AGENT_PID DISPLAY
cd "$dir"
status=0
"$@" || status=$?
exit "$status" # not exec: this shell holds the namespaces
