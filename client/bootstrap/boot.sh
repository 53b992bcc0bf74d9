# Finds tsshd on the server and starts it, or takes one in through stdin.
#
# It travels as a command line through a login shell that may be csh or fish,
# so it becomes one line: comments and the indentation are dropped, and nothing
# in it is an apostrophe, a backslash or an exclamation mark. See script.go.
#
# $1 the offer         $2 hash of the binary that the client can send
# $3 its size in KiB   $4 systems it runs on, as "Linux x86_64,Linux amd64"
# $5 TsshdPath         $6 places that failed before, as ":/one:/two:"
#
# Words to the client are lines "{tssh:WORD REST}" on stdout. The exit status
# 93 is that of a tsshd that understood the offer and cannot serve it.
o=$1; h=$2; n=$3; s=$4; p=$5; k=$6;
w=$(umask);
umask 077;
say() { printf "{tssh:%s}" "$1"; echo; };

# A directory is ours when we own it and nobody else may write to it; ls
# without -L shows a link as a link. Only then is something in it run.
own() { set -- $(ls -ldn "$1" 2>/dev/null); case $1.$3 in d????-??-*.$u) return 0;; esac; return 1; };

# In a place that all may write to, others could swap our directory, unless the
# sticky bit is set.
safe() { own "$1" && case $1 in */tssh-$u) [ -k "${1%/*}" ] || own "${1%/*}/.";; esac; };

try() {
  say "run $1";
  # Every program of the session inherits the umask, so it is the login's again.
  umask "$w";
  "$1" --offer "$o" </dev/null;
  r=$?;
  umask 077;
  case $r in 0|93) exit $r;; esac;
  say "tried $1: exit status $r";
};

u=$(id -u);
m=$(uname -sm);
set -- "${XDG_CACHE_HOME:-$HOME/.cache}/tssh" "${TMPDIR:-/tmp}/tssh-$u" "/tmp/tssh-$u" "/var/tmp/tssh-$u" "/dev/shm/tssh-$u";

case $p in
  "") ;;
  "~/"*) p=$HOME/${p#"~/"};;
  */*) ;;
  *) p=$(command -v "$p" || echo "$p");;
esac;
case $p in
  "") ;;
  *) if [ -f "$p" ]; then try "$p"; else say "tried $p: not found"; fi;;
esac;

case ",$s," in *",$m,"*)
  for d do
    if [ -x "$d/$h/tsshd" ] && safe "$d"; then try "$d/$h/tsshd"; fi;
  done;;
esac;
c=$(command -v tsshd) && try "$c";

say "system $m";
case ",$s," in *",$m,"*) ;; *) exit 1;; esac;

# leave gives a place up: $1 says why.
leave() { rm -f "$f"; rmdir "$d/$h" "$d" 2>/dev/null; say "place $d: $1"; };
z=plain;
gzip -dc </dev/null >/dev/null 2>&1; case $? in 126|127) ;; *) z=gzip;; esac;
for d do
  case $k in *":$d:"*) continue;; esac;
  k=$k:$d:;
  f=$d/$h/tsshd.$$;
  if [ -d "$d" ]; then x=; else x=$(mkdir -p "$d" 2>&1); fi || { say "place $d: ${x##*: }"; continue; };
  safe "$d" || { say "place $d: others may write there"; continue; };
  x=$( { mkdir -p "$d/$h" && { : > "$f"; } && chmod 700 "$f"; } 2>&1) || { leave "${x##*: }"; continue; };
  # An empty file is a script that does nothing, where files may run at all.
  "$f" </dev/null >/dev/null 2>&1 || { leave "programs may not run there (noexec?)"; continue; };
  y=$(df -Pk "$d" 2>/dev/null | { read x; read x x x y x; echo "$y"; });
  [ "$y" -lt "$n" ] 2>/dev/null && { leave "$y KiB are free, $n are needed"; continue; };

  # The first line of stdin is for others than us; see talk.go.
  say "send $z $d";
  read x;
  x=$( { case $z in gzip) gzip -dc;; *) cat;; esac > "$f"; } 2>&1) || { leave "${x##*: }"; say again; exit 1; };
  x=$("$f" tsshd --verify "$h" 2>&1) || { leave "verify: ${x##*: }"; say again; exit 1; };
  x=$(mv -f "$f" "$d/$h/tsshd" 2>&1) || { leave "${x##*: }"; say again; exit 1; };
  try "$d/$h/tsshd";
  exit 1;
done;
say none;
exit 1
