# git by URL, by scp's way of naming, GIT_SSH, GIT_SSH_COMMAND and core.sshCommand.
. "$lib"
need git
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
git init -q --bare -b main origin.git
git clone -q "ssh://host$dir/origin.git" one 2>/dev/null
cp data one/ && cd one && git checkout -q -b main && git add data && git commit -q -m one && git push -q -u origin main
cd ..
GIT_SSH=$bin/ssh git clone -q "host:$dir/origin.git" two
cmp data two/data
GIT_SSH_COMMAND="ssh -o BatchMode=yes" git clone -q "host:$dir/origin.git" three
cd three
git config core.sshCommand "ssh -q"
git fetch -q --all
git log --oneline | grep -q one
