# A configuration with forwards of its own, and a master that the next ones join.
. "$lib"
need socat
cat >>"$HOME/.ssh/config" <<EOF
	ControlMaster auto
	ControlPath $dir/%C
	ControlPersist 1m
	LocalForward 5020 127.0.0.1:4242
	RemoteForward 5021 127.0.0.1:4242
EOF
for i in 1 2 3; do
	out=$(ssh host echo "session $i" 2>&1)
	[ "$out" = "session $i" ] || fail "said: $out"
done
[ "$(ls "$dir" | grep -cE '^[0-9a-f]{40}$')" = 1 ] || { ls "$dir"; fail "not one master"; }
out=$("$stock" -o ProxyCommand=false host echo theirs 2>&1)
[ "$out" = theirs ] || fail "OpenSSH's ssh said: $out"
for port in 5020 5021; do
	bash -c "read -t 5 line </dev/tcp/127.0.0.1/$port && [[ \$line == SSH-2* ]]" || fail "nothing behind $port"
done
# What is typed after ^Z of the local job, or while nothing runs, is the shell's.
out=$(printf 'for us\nfor the shell\n' | { ssh host head -n 1 >/dev/null; cat; })
case $out in ''|*shell*) ;; *) fail "left on stdin: $out" ;; esac
s=0
ssh host 'kill -9 $$' || s=$?
[ $s = 255 ] || fail "killed command: status $s"
port=$(ssh -O forward -R 0:127.0.0.1:4242 host)
[ "$(ssh -O forward -R 0:127.0.0.1:4242 host)" = "$port" ] || fail "another port the second time"
ssh -O cancel -L 5020:127.0.0.1:4242 host
! bash -c ': </dev/tcp/127.0.0.1/5020' 2>/dev/null || fail "still listening"
ssh -O stop host 2>/dev/null
until_ok test "$(ls "$dir" | grep -cE '^[0-9a-f]{40}$')" = 0
