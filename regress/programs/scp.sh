# scp in both of its protocols, up, down, recursively, and from server to server.
. "$lib"
scp -q data host:"$dir/up"
cmp data up
scp -q host:"$dir/up" down
cmp data down
scp -q -O data host:"$dir/old"
cmp data old
mkdir -p tree/deep && cp data tree/deep/file
scp -q -r tree host:"$dir/copy"
cmp data copy/deep/file
scp -q -3 host:"$dir/data" host:"$dir/three"
cmp data three
