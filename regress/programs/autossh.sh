# autossh keeps a forward, also when its ssh is killed.
. "$lib"
need autossh
AUTOSSH_GATETIME=0 AUTOSSH_PATH=$bin/ssh AUTOSSH_PIDFILE=$dir/pid AUTOSSH_POLL=5 \
	autossh -M 0 -f -N -o ExitOnForwardFailure=yes -L 5001:127.0.0.1:4242 host
until_ok bash -c 'read -t 5 line </dev/tcp/127.0.0.1/5001 && [[ $line == SSH-2* ]]'
kill -HUP "$(pgrep -P "$(cat pid)")"
until_ok bash -c '! read -t 5 line </dev/tcp/127.0.0.1/5001'
until_ok bash -c 'read -t 5 line </dev/tcp/127.0.0.1/5001 && [[ $line == SSH-2* ]]'
kill "$(cat pid)"
