package client

import "testing"

// TestDoctorObeysNoServer: the path of a tsshd is what the server said.
func TestDoctorObeysNoServer(t *testing.T) {
	got := finding("UDP", "works: tsshd /tmp/\x1b]0;mine\a\nUDP: works")
	if want := `UDP:      works: tsshd /tmp/\033]0;mine\007\012UDP: works`; got != want {
		t.Errorf("got %q", got)
	}
}
