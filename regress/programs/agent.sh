# Agent forwarding, asked for by ssh-add on the far side, and used from there.
. "$lib"
eval "$(ssh-agent)" >/dev/null
ssh-add -q "$HOME/.ssh/id_ed25519"
here=$(ssh-add -l)
[ "$(ssh -A host ssh-add -l)" = "$here" ] || fail "other keys there"
s=0
ssh -a host ssh-add -l >/dev/null 2>&1 || s=$?
[ $s = 2 ] || fail "an agent without being asked for: $s"
rm "$HOME/.ssh/id_ed25519"
[ "$(ssh -A host ssh -p 4242 127.0.0.1 echo twice)" = twice ] || fail "no way on from there"
