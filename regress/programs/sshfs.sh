# A file system over sftp.
. "$lib"
need sshfs
[ -c /dev/fuse ] || skip "no /dev/fuse here"
mkdir mnt far && cp data far/
sshfs -o ssh_command="$bin/ssh" "host:$dir/far" mnt || skip "fuse does not mount here"
cmp data mnt/data
cp data mnt/two && sync
cmp data far/two
fusermount -u mnt
