package hostkey

import (
	"context"
	"crypto/sha256"
	"net"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers every SSHFP question with one record.
func nameServer(t *testing.T, record []byte, secure bool) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			var q dnsmessage.Message
			if q.Unpack(b[:n]) != nil {
				continue
			}
			a := dnsmessage.Message{
				Header:    dnsmessage.Header{ID: q.ID, Response: true, AuthenticData: secure},
				Questions: q.Questions,
				Answers: []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Questions[0].Name, Type: typeSSHFP, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.UnknownResource{Type: typeSSHFP, Data: record},
				}},
			}
			if out, err := a.Pack(); err == nil {
				pc.WriteTo(out, from)
			}
		}
	}()
	return pc.LocalAddr().String()
}

func TestFingerprintInTheDNS(t *testing.T) {
	key, other := newSigner(t).PublicKey(), newSigner(t).PublicKey()
	sum := sha256.Sum256(key.Marshal())
	server := nameServer(t, append([]byte{4, 2}, sum[:]...), true)
	records, secure, err := querySSHFP(context.Background(), server, "box.example")
	if err != nil || !secure || len(records) != 1 {
		t.Fatalf("%x, %v, %v", records, secure, err)
	}
	if a := match(key, records); !a.found || !a.matches {
		t.Errorf("the host's key: %+v", a)
	}
	if a := match(other, records); !a.found || a.matches {
		t.Errorf("another key: %+v", a)
	}
	// A right SHA-1 does not make up for a wrong SHA-256.
	weak := append(records, append([]byte{4, 1}, make([]byte, 20)...))
	if a := match(other, weak); a.matches {
		t.Errorf("another key: %+v", a)
	}
}

func TestValidationCountsOnlyWhereTheSystemTrustsItsResolver(t *testing.T) {
	for conf, want := range map[string]bool{
		"nameserver 192.0.2.1\n":                                      false,
		"nameserver 192.0.2.1\noptions edns0 trust-ad\n":              true,
		"# options trust-ad\nnameserver 2001:db8::1\noptions edns0\n": false,
	} {
		servers, trust := resolvers(conf)
		if trust != want || len(servers) != 1 {
			t.Errorf("%q: %v, %v", conf, servers, trust)
		}
	}
}
