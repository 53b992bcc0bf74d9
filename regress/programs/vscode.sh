# As editors do it: -v on stderr to watch, a SOCKS port, a shell on stdin.
. "$lib"
need curl
mkfifo in
ssh -v -T -D 5002 -o ConnectTimeout=15 host bash <in >out 2>log &
pid=$!
exec 3>in
echo 'echo "ready: $(uname)"' >&3
until_ok grep -q 'ready: Linux' out
(cd "$dir" && exec busybox httpd -f -p 127.0.0.1:5003 -h "$dir") &
web=$!
until_ok curl -sf --socks5-hostname 127.0.0.1:5002 -o fetched http://127.0.0.1:5003/data
cmp data fetched
grep -q '^debug1: ' log || fail "nothing to watch with -v"
echo 'exit 5' >&3
exec 3>&-
s=0
wait $pid || s=$?
kill $web
[ $s = 5 ] || fail "status $s"
