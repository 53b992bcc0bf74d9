# The other way round: OpenSSH's ssh has the connection and we join it.
. "$lib"
"$stock" -F "$HOME/.ssh/config" -MNf -S "$dir/ctl" host
set -- -S "$dir/ctl" -o ProxyCommand=false
[ "$(ssh "$@" host 'cat; exit 0' <data | sha256sum)" = "$(sha256sum <data)" ] || fail "bytes"
s=0
ssh "$@" host exit 42 || s=$?
[ $s = 42 ] || fail "status $s"
ssh "$@" -O forward -L "$dir/sock:127.0.0.1:4242" host
until_ok test -S sock
s=0
ssh "$@" -O proxy host exit 43 || s=$?
[ $s = 43 ] || fail "status $s by proxy"
ssh "$@" -O exit host 2>/dev/null
