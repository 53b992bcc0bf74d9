# Emacs tramp's way: a login shell on a terminal, its prompt and echo changed,
# and files as base64 between markers.
. "$lib"
need script
cat >"$HOME/.profile" <<'EOF'
PS1='$ '
EOF
{
	sleep 1
	echo "exec env TERM=dumb INSIDE_EMACS=tramp PS1='#' sh -i"
	sleep 0.5
	echo "stty -echo -icrnl -onlcr; PS1=///4d2f0a1b#\$; echo are-you-there"
	sleep 0.5
	echo "head -c 3000 $dir/data | base64 -w 0; echo; echo e-o-f; exit"
	sleep 0.5
	echo exit
	sleep 0.5
} | script -qec "ssh -q -o ControlMaster=auto -o ControlPath=$dir/tramp.%C -o ControlPersist=no -e none host" /dev/null >out
grep -q are-you-there out || { cat out; fail "no answer"; }
tr -d '\r' <out | grep -qF "$(head -c 3000 data | base64 -w 0)" || { cat out; fail "the file is not in it"; }
