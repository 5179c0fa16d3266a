# SPDX-License-Identifier: BSD-2-Clause
# The command over a real module: what it shows of tcpdump's filter, and what it changes.
need ipjit ipjitd tcpdump ping
mkdir -p /var/lib /etc
says() { # says TEXT COMMAND...
  says_wanted=$1
  shift
  says_text=$("$@" 2>&1)
  echo "$says_text"
  echo "$says_text" | grep -qF -- "$says_wanted"
}
refuses() { # refuses TEXT COMMAND...: it fails, with one line that holds the text
  refuses_wanted=$1
  shift
  if refuses_text=$("$@" 2>&1); then return 1; fi
  echo "$refuses_text"
  [ "$(echo "$refuses_text" | wc -l)" -eq 1 ] && echo "$refuses_text" | grep -qF -- "$refuses_wanted"
}
packets() { ping -c 5 -i 0.05 -q 127.0.0.1 >/dev/null; }
filter_runs() { # filter_runs ENGINE
  packets
  ipjit stats | grep -A 1 tcpdump | grep -q "^  $1"
}

check "without the module it says what to do" refuses "the module is not" ipjit kernel pause
load mode=observe sample_shift=0
tcpdump -i lo -n -w /dev/null 'icmp and greater 60' 2>/dev/null &
dump=$!
check "stats shows a filter that has no code" soon 60 filter_runs kernel
ipjit stats
check "and that nobody compiles" says "ipjitd does not run" ipjit stats
mkdir -p /run/ipjit
ipjitd --foreground --no-tier2 2>/dev/null &
daemon=$!
check "the daemon's code is shown as tier 1" soon 60 filter_runs tier1
packets
packets
check "observe: the sentence" says " packets, 0 differences, " ipjit kernel status
id=$(ipjit stats --json | sed -n 's/^ *"id": \([0-9]*\),$/\1/p' | tail -1) # libpcap attaches another one first
check "JSON names the engine" says '"engine": "tier1"' ipjit stats --json
check "the daemon's reasons" says "    - " ipjit stats --why
check "the program comes out of the kernel" says "ldh" ipjit compile --from-kernel "$id" --emit bpf
check "and through every stage" says "verified" ipjit compile --from-kernel "$id" --emit asm
refuse "a filter that is not there" ipjit compile --from-kernel 999999 --emit bpf
check "top shows it" says "IN THE KERNEL" ipjit top --once --delay 0.2
ipjit stats --why
ipjit kernel
check "budget" says "uid 0" ipjit budget
check "and the compiler's" says "ipjitd: first compiles " ipjit budget
check "a limit is set" says "code-user       128 KiB" ipjit budget --code-user 128k
check "mode on" says "mode on" ipjit kernel mode on
check "it is kept" grep -q "^mode = on" /etc/ipjit/kernel.conf
check "and holds" says "on; at the next start on" ipjit kernel
check "pause" says "paused" ipjit kernel pause
check "a pause is the kernel's engine" filter_runs kernel
check "resume" ipjit kernel resume
check "our code again" soon 60 filter_runs tier1
check "shadow" ipjit kernel shadow on
check "shadow is shown" says "shadow" ipjit kernel
check "shadow ends" ipjit kernel shadow off
check "sweep" ipjit kernel sweep
check "evict" ipjit kernel evict "$id"
check "evicted is shown" says ", evicted" ipjit stats
check "and stays with the kernel" filter_runs kernel
check "doctor" says "runs, pid" ipjit doctor
check "somebody else is told about the group" refuses "group ipjit" setpriv --reuid 1000 --regid 1000 --clear-groups ipjit kernel pause
check "the group looks and changes nothing" refuses "CAP_NET_ADMIN" setpriv --reuid 1000 --regid 0 --clear-groups ipjit kernel pause
check "the module is in use" refuses "in use" ipjit kernel unload
kill $daemon $dump
wait $daemon $dump 2>/dev/null
check "unload" soon 60 ipjit kernel unload
rm -rf /etc/ipjit /var/lib/ipjit
