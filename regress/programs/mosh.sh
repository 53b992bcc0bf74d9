# mosh starts through us.
. "$lib"
need mosh; need script
export LC_ALL=C.UTF-8
script -qec "stty rows 24 cols 80; mosh --ssh='ssh -p 4242' --local 127.0.0.1 -- sh -c 'echo by-mosh; sleep 1'" /dev/null </dev/null >out 2>&1 || true
grep -q by-mosh out || { cat -v out; fail "no screen of mosh's"; }
