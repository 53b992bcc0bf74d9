package hostkey

import (
	"strings"
	"testing"
)

// TestNamesThatArePatternsAreNotWritten: a line of known_hosts with one of these
// would speak for other hosts than the one that was met.
func TestNamesThatArePatternsAreNotWritten(t *testing.T) {
	for _, name := range []string{"*", "b*x", "b?x", "!box", "a,box", "@revoked", "|1|x", "#box", "a b",
		"a\tb", "x\nbox", "x\rbox", "x\x00box", "\"box\"", "x\vbox", "x\u00a0box", "x\u2028box", "@cert-authority", "", "x\n@cert-authority box",
	} {
		s := newScene(t)
		s.h.StrictHostKeyChecking, s.h.HostName, s.h.HostKeyAlias = "no", name, name
		key := newSigner(t).PublicKey()
		s.meets(key)
		for _, other := range []string{"box", "bax"} {
			for line := range strings.Lines(s.file1()) {
				if e, ok := parseEntry(line); ok && e.matches(other) {
					t.Errorf("%q was met and %q is known: %q", name, other, s.file1())
				}
			}
		}
	}
}
