# -f -N -L, -R 0, -D, -W, -J and unix sockets, each with real bytes.
. "$lib"
need socat
sum=$(sha256sum <data)
socat TCP-LISTEN:5010,bind=127.0.0.1,fork,reuseaddr OPEN:"$dir/data" &
until_ok bash -c ': </dev/tcp/127.0.0.1/5010'
got() { [ "$(socat -u "$1" STDOUT | sha256sum)" = "$sum" ] || fail "$1 carries something else"; }

ssh -f -N -L 5011:127.0.0.1:5010 -L "$dir/local.sock:127.0.0.1:5010" host
got TCP:127.0.0.1:5011
got "UNIX-CONNECT:$dir/local.sock"
ssh -N -R 0:127.0.0.1:5010 host 2>remote &
until_ok grep -q 'Allocated port [0-9]* for remote forward to 127.0.0.1:5010' remote
got "TCP:127.0.0.1:$(sed -n 's/Allocated port \([0-9]*\) .*/\1/p' remote)"
ssh -f -N -D 5012 host
got SOCKS4:127.0.0.1:127.0.0.1:5010,socksport=5012
got "SYSTEM:ssh -W 127.0.0.1\:5010 host </dev/null"
[ "$(ssh -J host -p 4242 -o HostKeyAlias=[127.0.0.1]:4242 127.0.0.1 cat "$dir/data" | sha256sum)" = "$sum" ] || fail "-J"
s=0
ssh -o ExitOnForwardFailure=yes -L 5011:127.0.0.1:1 host true 2>/dev/null || s=$?
[ $s = 255 ] || fail "a port that is taken: status $s"
