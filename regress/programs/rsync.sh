# rsync both ways, and again with one byte changed.
. "$lib"
need rsync
mkdir -p tree/deep && cp data tree/deep/file && ln -s file tree/deep/link
rsync -a tree/ host:"$dir/up/"
diff -r tree up
printf x | dd of=tree/deep/file bs=1 seek=1000 conv=notrunc 2>/dev/null
rsync -a --ignore-times --no-whole-file -e ssh tree/ host:"$dir/up/"
diff -r tree up
rsync -a --delete host:"$dir/up/" down/
diff -r tree down
