package algorithm

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

var kinds = []Kind{Cipher, MAC, Kex, Signature, CA}

func TestDefaultsAreKnownSupportedAndNotWeak(t *testing.T) {
	weak := ssh.InsecureAlgorithms()
	bad := slices.Concat(weak.Ciphers, weak.KeyExchanges, weak.HostKeys, weak.PublicKeyAuths)
	for _, k := range kinds {
		offered := Able(k, Assemble(k, ""))
		if len(offered) == 0 {
			t.Errorf("kind %d has no default", k)
		}
		for _, n := range offered {
			if !slices.Contains(Supported(k), n) || slices.Contains(bad, n) {
				t.Errorf("default %s is not supported, or weak", n)
			}
		}
	}
}

// Whatever the library learns to do, our lists must name.
func TestNothingTheLibraryCanDoIsForgotten(t *testing.T) {
	can := ssh.SupportedAlgorithms()
	for k, names := range map[Kind][]string{Cipher: can.Ciphers, MAC: can.MACs, Kex: can.KeyExchanges,
		Signature: append(can.HostKeys, can.PublicKeyAuths...)} {
		for _, n := range names {
			if !slices.Contains(Able(k, Assemble(k, "")), n) {
				t.Errorf("%s is not offered", n)
			}
		}
	}
}

// TestKeysAreOfWhatThereIs: the library's, and those of tokens.
func TestKeysAreOfWhatThereIs(t *testing.T) {
	good, weak := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	can := slices.Concat(good.HostKeys, weak.HostKeys, good.PublicKeyAuths)
	for _, k := range []Kind{Signature, CA} {
		for _, n := range Supported(k) {
			if !slices.Contains(can, n) && !strings.HasPrefix(n, "sk-") {
				t.Errorf("%s is named, and nothing can do it", n)
			}
		}
	}
}

func TestAssemble(t *testing.T) {
	all := Assemble(Cipher, "")
	for spec, want := range map[string][]string{
		"":                                       all,
		"aes256-ctr,aes128-ctr":                  {"aes256-ctr", "aes128-ctr"},
		"+aes128-cbc,aes128-ctr":                 append(slices.Clone(all), "aes128-cbc"),
		"-aes*":                                  {"chacha20-poly1305@openssh.com"},
		"^aes256-ctr":                            append([]string{"aes256-ctr"}, slices.DeleteFunc(slices.Clone(all), func(n string) bool { return n == "aes256-ctr" })...),
		"rijndael-cbc@lysator.liu.se,aes128-ctr": {"rijndael-cbc@lysator.liu.se", "aes128-ctr"}, // the first not here
		"aes128-ctr,,aes128-ctr":                 {"aes128-ctr"},
		"-*":                                     {},
		"-!aes*,chacha20*,*gcm*,aes*ctr":         {"aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr"},
	} {
		if got := Assemble(Cipher, spec); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", spec, got, want)
		}
	}
}

// What ssh knows and we cannot do keeps its place in the list, and is not
// offered.
func TestWhatWeCannotDoIsNotOffered(t *testing.T) {
	for _, c := range []struct {
		kind          Kind
		spec          string
		list, offered []string
	}{
		{MAC, "umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com",
			[]string{"umac-128-etm@openssh.com", "hmac-sha2-256-etm@openssh.com"}, []string{"hmac-sha2-256-etm@openssh.com"}},
		{MAC, "-hmac-*", []string{"umac-64-etm@openssh.com", "umac-128-etm@openssh.com", "umac-64@openssh.com", "umac-128@openssh.com"}, nil},
		{Kex, "sntrup761x25519-sha512@openssh.com,curve25519-sha256",
			[]string{"sntrup761x25519-sha512@openssh.com", "curve25519-sha256"}, []string{"curve25519-sha256"}},
		{Signature, "webauthn-*,ssh-ed25519",
			[]string{"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", "webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "ssh-ed25519"}, []string{"ssh-ed25519"}},
	} {
		list := Assemble(c.kind, c.spec)
		if offered := Able(c.kind, list); !slices.Equal(list, c.list) || !slices.Equal(offered, c.offered) {
			t.Errorf("%s: %q, offers %q", c.spec, list, offered)
		}
	}
}

func TestListsThatNameNothingRealAreRefused(t *testing.T) {
	for spec, want := range map[string]bool{
		"aes128-ctr": true, "+aes128-cbc": true, "^aes128-cbc": true, "-nonsense": true, "rijndael-cbc@lysator.liu.se": true,
		"nonsense": false, "aes128-ctr,nonsense": false, "+nonsense": false, "": false, "aes*": false, "+": false,
	} {
		if Valid(Cipher, spec) != want {
			t.Errorf("%q: valid is %v", spec, !want)
		}
	}
	if !Valid(Signature, "ssh-*") || Valid(Signature, "foo*") {
		t.Error("wildcards stand for what there is, in lists of signatures")
	}
}

func FuzzAssemble(f *testing.F) {
	f.Add(0, "+aes128-cbc,*")
	f.Fuzz(func(t *testing.T, k int, spec string) {
		kind := kinds[uint(k)%uint(len(kinds))]
		if !Valid(kind, spec) {
			return
		}
		for _, n := range Assemble(kind, spec) {
			if !slices.Contains(sets[kind].known, n) || strings.ContainsAny(n, "*?") {
				t.Fatalf("%q comes to %s", spec, n)
			}
		}
	})
}
