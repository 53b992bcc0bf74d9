# What every script here begins with: an sshd on this machine's loopback, a user
# whose key it knows, and "ssh", in PATH and in /usr/bin, which is the client
# under test; "$stock" is OpenSSH's. Sourced in a fresh directory with mode: tcp
# or udp, and must: yes where nothing may be missing.
set -eu
dir=$PWD
PATH=$dir/bin:$PATH:/usr/sbin
bin=$dir/bin
mkdir -m 700 "$HOME/.ssh"

fail() { echo "$*" >&2; exit 1; }
skip() { echo "skip: $*"; exit 77; }
need() {
	command -v "$1" >/dev/null && return
	[ "$must" != yes ] || fail "no $1 here"
	skip "no $1 here"
}

# until_ok COMMAND... waits for it to succeed, for at most ten seconds.
until_ok() {
	i=0
	until "$@" >/dev/null 2>&1; do
		i=$((i + 1))
		[ $i -lt 200 ] || fail "not after ten seconds: $*"
		sleep 0.05
	done
}

ssh-keygen -q -t ed25519 -N '' -f "$dir/hostkey"
ssh-keygen -q -t ed25519 -N '' -f "$HOME/.ssh/id_ed25519"
cp "$HOME/.ssh/id_ed25519.pub" "$HOME/.ssh/authorized_keys"
echo "[127.0.0.1]:4242 $(cat "$dir/hostkey.pub")" >"$HOME/.ssh/known_hosts"
cat >"$dir/sshd_config" <<EOF
ListenAddress 127.0.0.1
Port 4242
HostKey $dir/hostkey
PidFile none
StrictModes no
PermitRootLogin yes
X11Forwarding yes
AllowAgentForwarding yes
MaxSessions 100
MaxStartups 100
Subsystem sftp /usr/lib/openssh/sftp-server
EOF
cat >"$HOME/.ssh/config" <<EOF
Host host host?
	HostName 127.0.0.1
	Port 4242
	StrictHostKeyChecking yes
EOF
[ "$mode" = tcp ] || sed -i '1a\	#!! UdpMode yes' "$HOME/.ssh/config"
/usr/sbin/sshd -f "$dir/sshd_config" -E "$dir/sshd.log"
until_ok bash -c ': </dev/tcp/127.0.0.1/4242'

# Something to carry: random, so that nothing lost or doubled goes unseen.
head -c 3000001 /dev/urandom >"$dir/data"
if [ "$mode" = udp ]; then
	[ "$(ssh host 'ps -o comm= -p $PPID')" = tsshd ] || fail "the session is not tsshd's"
fi
