# Shows what "go test -v" says as go test without -v would, and at its end how
# many tests were left out, and why.
/^(=== |\? )/ || /^=== NAME/ { next }
/^[ \t]*--- SKIP: / { left++ }
/SKIPPED, not tested at all: / {
	why = $0
	sub(/^.*SKIPPED, not tested at all: /, "", why)
	if (!(why in reasons)) order[++kinds] = why
	reasons[why]++
}
/^(ok|FAIL)[ \t].*\t/ {
	if ($1 == "FAIL") printf "%s", kept
	print
	fflush()
	kept = ""
	next
}
/^[ \t]*--- (PASS|SKIP): / || /^PASS$/ { next }
{ kept = kept $0 "\n" }
END {
	printf "%s", kept
	if (left) print left " tests were left out:"
	for (i = 1; i <= kinds; i++) print "  " reasons[order[i]] " times: " order[i]
}
