# Ansible's way, with its default arguments: a master by ControlPersist that
# every task joins, sftp and scp too, and OpenSSH's own ssh.
. "$lib"
mkdir -p "$HOME/.ansible/cp"
set -- -C -o ControlMaster=auto -o ControlPersist=60s -o KbdInteractiveAuthentication=no \
	-o PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey \
	-o PasswordAuthentication=no -o ConnectTimeout=10 -o "ControlPath=$HOME/.ansible/cp/0a1b2c3d4e"
out=$(ssh "$@" host '/bin/sh -c '"'"'echo ~ && sleep 0'"'"'' </dev/null)
[ "$out" = "$HOME" ] || fail "first task said: $out"
[ -S "$HOME/.ansible/cp/0a1b2c3d4e" ] || fail "no master stayed behind"
for i in 1 2 3 4 5 6 7 8; do
	ssh "$@" host "/bin/sh -c 'cat >$dir/module$i && exit $i'" <data &
	eval "p$i=$!"
done
for i in 1 2 3 4 5 6 7 8; do
	s=0
	eval "wait \$p$i" || s=$?
	[ $s = $i ] || fail "task $i ended with $s"
	cmp data "module$i"
done
printf 'put data by-sftp\n' | sftp -q -b - "$@" "[host]" >/dev/null 2>&1 || fail "sftp"
cmp data "$HOME/by-sftp"
scp -q "$@" data "[host]:$dir/by-scp"
cmp data by-scp
out=$(ssh "$@" -tt host "/bin/sh -c 'tty && sleep 0'" </dev/null 2>/dev/null)
case $out in /dev/pts/*) ;; *) fail "no terminal with -tt: $out" ;; esac
[ "$(/usr/bin/ssh "$@" -o ProxyCommand=false host echo theirs </dev/null)" = theirs ] || fail "OpenSSH's ssh does not join"
ssh "$@" -O check host 2>&1 | grep -q 'Master running (pid=[0-9]*)' || fail "-O check"
ssh "$@" -O exit host 2>&1 | grep -q 'Exit request sent.' || fail "-O exit"
until_ok test ! -e "$HOME/.ansible/cp/0a1b2c3d4e"
