# tmux in control mode: its protocol passes untouched.
. "$lib"
need tmux
ssh -tt host "tmux -L t -f /dev/null -CC new-session 'printf \"\\033]52;c;aGk=\\007\"; echo from-inside; sleep 1'" </dev/null >out 2>/dev/null || true
head -c 7 out | od -An -c | grep -q '033   P   1   0   0   0   p' || { od -c out | head -3; fail "no start of control mode"; }
grep -q '%begin ' out && grep -q '%output .*from-inside' out && grep -q '%exit' out || { cat -v out; fail "not tmux's protocol"; }
grep -q '%output .*\\033]52;c;aGk=' out || fail "OSC 52"
