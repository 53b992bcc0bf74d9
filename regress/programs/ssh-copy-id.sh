# ssh-copy-id puts a key there, and sees that it is there the next time.
. "$lib"
ssh-keygen -q -t ed25519 -N '' -f new
ssh-copy-id -f -i new.pub host >log 2>&1 || { cat log; fail "ssh-copy-id -f"; }
grep -q 'Number of key(s) added: 1' log || { cat log; fail "not added"; }
[ "$(ssh -i new -o IdentitiesOnly=yes host echo in)" = in ] || fail "the new key does not open"
ssh-copy-id -i new.pub host >log 2>&1 || { cat log; fail "ssh-copy-id"; }
grep -q 'All keys were skipped because they already exist' log || { cat log; fail "not seen to be there"; }
[ "$(grep -cF "$(cut -d' ' -f2 new.pub)" "$HOME/.ssh/authorized_keys")" = 1 ] || fail "there twice"
