# A client of X on the far side, a server of X here.
. "$lib"
need Xvfb; need xauth; need xdpyinfo
mkdir -p /tmp/.X11-unix
mount -t tmpfs -o mode=1777 tmpfs /tmp/.X11-unix # other tests' servers have the same numbers
Xvfb -displayfd 3 -screen 0 640x480x24 -nolisten tcp 3>display >/dev/null 2>&1 &
until_ok test -s display
export DISPLAY=:$(cat display)
until_ok xdpyinfo
for flag in -X -Y; do
	ssh $flag host 'echo "$DISPLAY"; xdpyinfo' >out
	grep -q '^localhost:1[0-9]' out || { cat out; fail "$flag: DISPLAY"; }
	grep -q 'dimensions: *640x480' out || { cat out; fail "$flag: not our screen"; }
done
