# borg: two backups over ssh, and the first comes back as it was.
. "$lib"
need borg
export BORG_PASSPHRASE=secret BORG_BASE_DIR="$dir/borg" LC_ALL=C.UTF-8
borg init -e repokey "ssh://host$dir/repo"
borg create "ssh://host$dir/repo::one" data
cp data before
printf x | dd of=data bs=1 seek=1000 conv=notrunc 2>/dev/null
borg create "ssh://host$dir/repo::two" data
borg extract "ssh://host$dir/repo::one"
cmp before data
