#!/bin/sh
# tab.sh DEB: installs a package on this Debian, in a layer over it that is gone
# afterwards, and presses the TAB key in each shell of a new user. In a mount
# namespace of its own, as root.
set -eu
exec 2>&1
layer=$(mktemp -d)
mount -t tmpfs layer "$layer"
root=$layer/root
mkdir "$layer/upper" "$layer/work" "$root"
mount -t overlay over -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmp "$root/tmp"
chmod 1777 "$root/tmp"
cp "$1" "$root/tmp/tssh.deb"
inside() { chroot "$root" "$@"; }
inside dpkg -i /tmp/tssh.deb >/dev/null
inside useradd -m -s /bin/bash newuser
home=$root/home/newuser
inside su newuser -c 'mkdir -m 700 ~/.ssh; printf "Host alphaville\n" >~/.ssh/config; printf "autoload -Uz compinit; compinit\n" >~/.zshrc'
inside su newuser -c "tssh --demo" </dev/null | grep "not a byte was lost" >/dev/null || { echo "tssh --demo does not work"; exit 1; }
mux() { inside su newuser -c "tmux -S /tmp/mux $1"; }
# sees waits for a word on the screen.
sees() {
	for _ in $(seq 300); do
		mux "capture-pane -p" | grep -qF "$1" && return
		sleep 0.1
	done
	echo "$shell: no \"$1\" on the screen:"
	mux "capture-pane -p" | grep .
	return 1
}
failed=
for shell in bash zsh fish; do
	mux "-f /dev/null new-session -d -x 100 -y 30 -c /home/newuser $shell"
	# A word that only the shell can have made says that it reads keys.
	mux 'send-keys "echo re\"\"ady" Enter'
	if sees ready; then
		for try in "tssh alph:tssh alphaville" "tssh --doc:tssh --doctor" "tssh -o UdpMo:tssh -o UdpMode=" "tsshd sess:tsshd sessions"; do
			mux "send-keys '${try%%:*}' Tab"
			sees "${try#*:}" || failed=1
			mux "send-keys C-u"
		done
	fi || failed=1
	mux kill-server
	[ -n "$failed" ] || echo "$shell completes"
done
inside dpkg --purge tssh >/dev/null
[ -z "$failed" ]
