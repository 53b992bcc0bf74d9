# pdsh: many hosts at once, each with its output, its errors and its status.
. "$lib"
need pdsh
export PDSH_SSH_ARGS='-2 -a -x -q %h'
pdsh -R ssh -w 'host[1-8]' "sha256sum <$dir/data; echo of %h >&2; exit 3" </dev/null >out 2>err || fail "status $?"
for i in 1 2 3 4 5 6 7 8; do
	grep -qx "host$i: $(sha256sum <data)" out || { cat out err; fail "the output of host$i"; }
	grep -qx "host$i: of host$i" err || { cat err; fail "the errors of host$i"; }
	grep -q "host$i: ssh exited with exit code 3" err || { cat err; fail "the status of host$i"; }
done
s=0
unset PDSH_SSH_ARGS
pdsh -S -R ssh -w host1,host2 exit 4 2>/dev/null || s=$?
[ $s = 4 ] || fail "status $s"
