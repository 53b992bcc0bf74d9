package hostkey

import "testing"

// TestNamesThatArePatternsAreNotWritten: a line of known_hosts with one of these
// would speak for other hosts than the one that was met.
func TestNamesThatArePatternsAreNotWritten(t *testing.T) {
	for _, name := range []string{"*", "b*x", "b?x", "!box", "a,box", "@revoked", "|1|x", "#box", "a b"} {
		s := newScene(t)
		s.h.StrictHostKeyChecking, s.h.HostName, s.h.HostKeyAlias = "no", name, name
		key := newSigner(t).PublicKey()
		s.meets(key)
		for _, other := range []string{"box", "bax"} {
			e, ok := parseEntry(s.file1())
			if ok && e.matches(other) {
				t.Errorf("%q was met and %q is known: %q", name, other, s.file1())
			}
		}
	}
}
