package endpoint

import "testing"

func TestNamesThatCouldSpeakToAShellAreRefused(t *testing.T) {
	for _, s := range []string{"-oProxyCommand=x", "a b", "a;b", "a$b", "`a`", "a\nb", "a|b", "a'b", "a\\", "{a}"} {
		if ValidHost(s) {
			t.Errorf("host %q is let through", s)
		}
	}
	for _, s := range []string{"-l", "a -b", "a;b", "a\\", "a\tb", "`a`", "a(b", "a\"b"} {
		if ValidUser(s) {
			t.Errorf("user %q is let through", s)
		}
	}
	for _, s := range []string{"h", "h.example", "::1", "fe80::1%eth0", "10.0.0.1", "ünï", "[::1]", ""} {
		if !ValidHost(s) {
			t.Errorf("host %q is refused", s)
		}
	}
	for _, s := range []string{"u", "a b", "a$b", "DOMAIN\\u", "u@realm"} {
		if !ValidUser(s) {
			t.Errorf("user %q is refused", s)
		}
	}
}
