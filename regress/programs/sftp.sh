# sftp with a batch.
. "$lib"
printf 'put data up\nget up down\nrename up moved\nls -l\n' | sftp -q -b - host:"$dir" >/dev/null
cmp data down
cmp data moved
