# Finds tsshd on the server and starts it, or takes one in through stdin.
#
# It travels as a command line through a login shell that may be csh or fish,
# so it becomes one line: comments and the indentation are dropped, and nothing
# in it is an apostrophe or a backslash. See script.go.
#
# $1 the offer  $2 TsshdPath  $3 places that failed before, as ":/one:/two:"
# $4 to $9 the transport's first words, in pieces
# $b, set before, says what the client can send: for each build the systems that
# it runs on, its hash, its size in KiB and what cksum says of it, as
# "Linux x86_64|Linux amd64:5fc8...:8641:12345 8848384;"
#
# Words to the client are lines "{tssh:WORD REST}" on stdout; talk.go knows them.
# The client says "next 2" when it has waited long enough for the second program
# that was started, and "go" before the bytes of an upload. The exit status 93 is that of
# a tsshd that understood the offer and cannot serve it.
o=$1; p=$2; k=$3; l=$4$5$6$7$8$9;
set +e +u +m -f;
exec 3<&0 </dev/null;
w=$(umask);
umask 077;
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin;
say() { printf "{tssh:%s}" "$1"; echo; };
printf "" 2>/dev/null || say() { echo "{tssh:$1}"; };
i=0;
say hello;

# Go reserves much address space before our first line runs, and each channel
# has descriptors. The words of ulimit that are no numbers are no limits.
less() { case $1 in ""|*[a-z]*) return 1;; esac; [ "$1" -lt "$2" ] 2>/dev/null; };
v=$(ulimit -v 2>/dev/null);
less "$v" 1500000 && { say "limit its memory to $v KiB (ulimit -v), tsshd needs 1500000"; exit 1; };
v=$(ulimit -n 2>/dev/null);
less "$v" 40 && { say "limit its open files to $v (ulimit -n), tsshd needs 40"; exit 1; };

# A directory is ours when we own it and nobody else may write to it; ls
# without -L shows a link as a link. Only then is something in it run.
own() { set -- $(ls -ldn "$1" 2>/dev/null); case $1.$3 in d????-??-*.$u) return 0;; esac; return 1; };

# In a place that all may write to, others could swap our directory, unless the
# sticky bit is set.
safe() { own "$1" && case $1 in */tssh-$u) [ -k "${1%/*}" ] || own "${1%/*}/.";; esac; };

# whole tells whether a file is all that was sent, before anything in it runs:
# a disk that was full, or lost its power, leaves files that are not.
whole() {
  if x=$(cksum 2>/dev/null <"$1"); then [ "$x" = "$q" ];
  elif x=$(sha256sum 2>/dev/null <"$1"); then [ "${x%% *}" = "$h" ];
  else "$1" tsshd --verify "$h" >/dev/null 2>&1; fi;
};

# slay ends a program with those that it has started.
slay() {
  kill -STOP "$1";
  for y in $(ps -A -o pid= -o ppid= | while read a b; do [ "$b" = "$1" ] && echo "$a"; done); do slay "$y"; done;
  kill -9 "$1";
};

# try runs $1, which may be anything, with the word $2 for it: start for one
# that is known to be ours, named for TsshdPath, run for others. Those get a
# group of their own where that can be had.
try() {
  g=;
  case $2 in run|named) command -v setsid >/dev/null && g=setsid;; esac;
  say "$2 $1";
  # Every program of the session inherits the umask, so it is the login's again.
  umask "$w";
  TSSHD_HELLO=$l $g "$1" --offer "$o" </dev/null 3<&- &
  c=$!;
  umask 077;
  i=$((i + 1));
  x=;
  { until [ "$x" = "next $i" ]; do read x <&3 || { sleep 5; break; }; done; slay $c; kill -9 "-$c"; } >/dev/null 2>&1 &
  e=$!;
  wait $c;
  r=$?;
  # Until it is gone it may take a part of the word that the client says next.
  { kill $e; wait $e; } 2>/dev/null;
  case $r in
    93) say "cannot $1"; exit 1;;
    0) say "ended $1"; until [ "$x" = "next $i" ]; do read x <&3 || exit 0; done;;
  esac;
  say "tried $r $1";
};

u=$(id -u 2>/dev/null) || { set -- $(ls -ldn /proc/self/. 2>/dev/null); u=${3:-none}; };
m=$(uname -sm 2>/dev/null) || m=unknown;
# Linux says so of both orders of bytes; byte 5 of any program is 1 for the little end.
case $m in "Linux mips64") case $(od -An -tx1 -j5 -N1 /proc/self/exe 2>/dev/null) in *1) m=${m}el;; esac;; esac;
h=;
x=$IFS; IFS=";"; set -- $b; IFS=$x;
for e do
  case "|${e%%:*}|unknown|" in *"|$m|"*)
    e=${e#*:}; h=${e%%:*}; e=${e#*:}; n=${e%%:*}; q=${e#*:};
    break;;
  esac;
done;
t=${TMPDIR:-/tmp};
case $t in *:*) t=/tmp;; /*) ;; *) t=/tmp;; esac;
set -- "$t/tssh-$u" "/tmp/tssh-$u" "/var/tmp/tssh-$u" "/dev/shm/tssh-$u";
case $HOME in *:*) ;; /*) set -- "$HOME/.cache/tssh" "$@";; esac;
case $XDG_CACHE_HOME in *:*) ;; /*) set -- "$XDG_CACHE_HOME/tssh" "$@";; esac;

case $p in
  "~/"*) p=$HOME/${p#"~/"};;
  ""|*/*) ;;
  *) p=$(command -v "$p" || echo "$p");;
esac;
case $p in
  "") ;;
  *) if [ -f "$p" ]; then try "$p" named; else say "named $p"; x=127; [ -e "$p" ] && x=126; say "tried $x $p"; fi;;
esac;

case $h in ?*)
  for d do
    [ -f "$d/$h/tsshd" ] && safe "$d" || continue;
    if whole "$d/$h/tsshd"; then [ -x "$d/$h/tsshd" ] && try "$d/$h/tsshd" start; else say "damaged $d/$h/tsshd"; fi;
  done;;
esac;
c=$(command -v tsshd) && case $c in "$p") ;; /*) try "$c" run;; esac;

say "system $m";
case $h in "") exit 1;; esac;
v=$(ulimit -f 2>/dev/null);
less "$v" $((n + n)) && { say "limit its files to $v blocks (ulimit -f), tsshd has $n KiB"; exit 1; };

# leave gives a place up: $1 says why.
leave() { rm -f "$f"; rmdir "$d/$h" "$d" 2>/dev/null; say "place $d: $(echo $1)"; };
z=plain;
gzip -dc </dev/null >/dev/null 2>&1; case $? in 126|127) ;; *) z=gzip;; esac;
for d do
  case $k in *":$d:"*) continue;; esac;
  k=$k:$d:;
  f=$d/$h/tsshd.$$;
  if [ -d "$d" ]; then x=; else x=$(mkdir -p "$d" 2>&1); fi || { say "place $d: ${x##*: }"; continue; };
  safe "$d" || { say "place $d: others may write there"; continue; };
  x=$( { mkdir -p "$d/$h" && { : > "$f"; } && chmod 700 "$f"; } 2>&1) || { leave "${x##*: }"; continue; };
  # Into a directory mv would move it.
  x=$d/$h/tsshd;
  [ -d "$x" ] && { rm -f "$x" || rmdir "$x" || { leave "$x is a directory"; continue; }; } 2>/dev/null;
  # An empty file is a script that does nothing, where files may run at all.
  "$f" </dev/null >/dev/null 2>&1 || { leave "programs may not run there (noexec?)"; continue; };
  y=$(df -Pk "$d" 2>/dev/null | { read x; read x x x y x; echo "$y"; });
  [ "$y" -lt "$n" ] 2>/dev/null && { leave "$y KiB are free, $n are needed"; continue; };

  say "send $z $d";
  while read x <&3; do case $x in go) break;; esac; done;
  x=$( { case $z in gzip) gzip -dc;; *) cat;; esac <&3 > "$f"; } 2>&1) || { leave "${x##*: }"; say again; exit 1; };
  whole "$f" || { leave "what arrived is not what was sent"; say again; exit 1; };
  x=$("$f" tsshd --verify "$h" 2>&1) || { leave "what was sent does not run: $x"; exit 1; };
  x=$(mv -f "$f" "$d/$h/tsshd" 2>&1) || { leave "${x##*: }"; say again; exit 1; };
  try "$d/$h/tsshd" start;
  exit 1;
done;
say none;
exit 1
