# Guardian of one server: runs it, and ends it with everything it started when the pipe on stdin says so.
#
# Usage: sh -c "$(this file)" nexus-guard SCRATCH STDIN COMMAND...
# SCRATCH is a directory to remove at the end, or empty; STDIN is a file that the server reads.
# The other end of stdin is held by the client process alone, so its death, however sudden, is end of file here.
# A line `now` skips the grace that SIGTERM gives. On Linux the client made this process a child subreaper:
# whatever the server leaves behind, also in sessions of its own (its shell tool does that), becomes our child.
scratch=$1
stdin=$2
shift 2
# A client that dies while it starts us must not take us along; a handler, because `ignore` would be inherited.
trap : PIPE
# First 4: the file may be one that is open here as 3 already.
exec 4<"$stdin" 3<&0
"$@" 3<&- <&4 4<&- &
server=$!
exec 4<&-
echo "nexus-guard: server $server" >&2
# Shells report how a job ended; after the client's death that report would end this process by SIGPIPE.
exec >/dev/null 2>&1

# Where /proc is missing: every descendant of the server, by the parents that ps shows.
family() {
  ps -A -o pid=,ppid= | awk -v root="$server" '{ up[$1] = $2 }
    END { for (pid in up) { q = pid; n = 0
      while (q in up && n++ < 99) { if (up[q] == root) { print pid; break }; q = up[q] } } }'
}

(
  word=
  read -r word <&3
  [ -r /proc/self/stat ] || left=$(family)
  if [ "$word" != now ]; then
    kill -TERM "$server"
    tries=0
    while kill -0 "$server" && [ $tries -lt 20 ]; do
      sleep 0.1
      tries=$((tries + 1))
    done
  fi
  kill -KILL "$server" $left
) &

wait "$server"
status=$?

# The server is gone; now its descendants, level by level: those of a killed one become ours in the next round.
round=0
while [ $round -lt 100 ]; do
  victims=
  for file in /proc/[0-9]*/stat; do
    read -r line 2>/dev/null <"$file" || continue
    pid=${file#/proc/}
    pid=${pid%/stat}
    set -- ${line##*) }
    if [ "$2" = $$ ] && [ "$1" != Z ]; then victims="$victims $pid"; fi
  done
  [ -n "$victims" ] || break
  kill -KILL $victims 2>/dev/null
  round=$((round + 1))
done

[ -z "$scratch" ] || rm -rf -- "$scratch"
[ -r /proc/self/stat ] || kill -KILL -- -$$
exit $status
