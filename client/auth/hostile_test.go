package auth

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/voice"
)

// liar is a server that says what a test has it say.
type liar struct {
	says [][]byte
	got  [][]byte
}

func (l *liar) ReadPacket() ([]byte, error) {
	if len(l.says) == 0 {
		return nil, io.EOF
	}
	p := l.says[0]
	l.says = l.says[1:]
	return p, nil
}

func (l *liar) WritePacket(p []byte) error {
	l.got = append(l.got, slices.Clone(p))
	return nil
}

func (l *liar) SessionID() []byte                        { return []byte("session") }
func (l *liar) ServerVersion() string                    { return "SSH-2.0-OpenSSH_9.9" }
func (l *liar) HostKey() (ssh.PublicKey, []byte, []byte) { return nil, nil, nil }
func (l *liar) Extension(name string) (string, bool)     { return "ssh-ed25519", name == "server-sig-algs" }

const typed = "the secret"

func fail(methods string) []byte {
	return ssh.Marshal(&struct {
		Methods string `sshtype:"51"`
		Partial bool
	}{methods, false})
}

// meet logs in to a liar with a password that the user would type.
func meet(h *config.Host, says ...[]byte) (*liar, int, error) {
	l, asked := &liar{says: says}, 0
	h.User, h.NumberOfPasswordPrompts, h.IdentityAgent = "me", 3, "none"
	_, err := Login(context.Background(), l, Config{Host: h, Ask: func(string, voice.Kind) (string, error) {
		asked++
		return typed, nil
	}})
	return l, asked, err
}

func passwords() *config.Host {
	return &config.Host{PubkeyAuthentication: "no", PasswordAuthentication: true, KbdInteractiveAuthentication: true}
}

var accept = append([]byte{msgServiceAccept, 0, 0, 0, 12}, "ssh-userauth"...) // never changed

// TestPasswordWaitsForItsMethod: what is sent ahead of answers is never a
// password, and none is sent to a server that has not asked for that method.
func TestPasswordWaitsForItsMethod(t *testing.T) {
	for _, c := range []struct {
		says  [][]byte
		sends bool
	}{
		{nil, false},
		{[][]byte{accept}, false},
		{[][]byte{accept, fail("publickey")}, false},
		{[][]byte{accept, fail("publickey,hostbased,passwords,xpassword")}, false},
		{[][]byte{accept, fail("password")}, true},
	} {
		l, asked, err := meet(passwords(), c.says...)
		if err == nil {
			t.Errorf("%q: logged in", c.says)
		}
		sent := slices.ContainsFunc(l.got, func(p []byte) bool { return strings.Contains(string(p), typed) })
		if sent != c.sends || asked > 0 != c.sends {
			t.Errorf("%q: password sent: %v, asked %d times", c.says, sent, asked)
		}
	}
}

// TestAcceptanceIsAcknowledgedAtOnce to a server that is known to bear it: its answer
// waits for that. Where compression begins with the answer nothing may cross it.
func TestAcceptanceIsAcknowledgedAtOnce(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		h := passwords()
		h.Compression = compressed
		l, _, err := meet(h, accept, []byte{msgSuccess})
		if sent := len(l.got) == 3 && l.got[2][0] == msgIgnore; err != nil || sent == compressed || len(l.got) > 3 {
			t.Errorf("compressed %v: sent %x, %v", compressed, l.got, err)
		}
	}
}

// TestOnlyAuthenticationBeforeSuccess: the server opens no channels, sends no
// data and lets nobody in before it was asked.
func TestOnlyAuthenticationBeforeSuccess(t *testing.T) {
	for _, kind := range []byte{msgServiceAccept, 21, 30, 50, 61, 80, 81, 90, 91, 94, 98, 100} {
		for _, says := range [][][]byte{{{kind, 0}}, {accept, {kind, 0}}} {
			if kind == msgServiceAccept && len(says) == 1 {
				continue
			}
			_, _, err := meet(passwords(), says...)
			if err == nil || errors.Is(err, io.EOF) {
				t.Errorf("message %d: %v", kind, err)
			}
		}
	}
	if _, _, err := meet(passwords(), []byte{msgSuccess}); err == nil {
		t.Error("success without the service")
	}
	if _, _, err := meet(passwords(), accept, []byte{msgSuccess}); err != nil {
		t.Error(err)
	}
}

// TestKeptAnswersStayInTheirPlace: logging in again, the password of the first
// round is not the answer to the second round's question.
func TestKeptAnswersStayInTheirPlace(t *testing.T) {
	round := binary.BigEndian.AppendUint32(append([]byte{msgSpecific}, make([]byte, 12)...), 1)
	round = append(round, 0, 0, 0, 1, '?', 0)
	h := passwords()
	h.User, h.NumberOfPasswordPrompts, h.IdentityAgent = "me", 3, "none"
	m := &Memory{answers: []string{"first", "second"}}
	l := &liar{says: [][]byte{accept, fail("keyboard-interactive"), round, round, {msgSuccess}}}
	if _, err := Login(context.Background(), l, Config{Host: h, Memory: m, Silent: true}); err != nil {
		t.Fatal(err)
	}
	n := len(l.got)
	if !strings.HasSuffix(string(l.got[n-2]), "first") || !strings.HasSuffix(string(l.got[n-1]), "second") {
		t.Errorf("answered %q, %q", l.got[n-2], l.got[n-1])
	}
}

// TestBannersOfAllKinds: with a language, without, with more than was agreed.
func TestBannersOfAllKinds(t *testing.T) {
	text := "\x00\x00\x00\x04Hi\r\n"
	for _, rest := range []string{"\x00\x00\x00\x02en", "", "\x00\x00\x00\x02en\x00\x00", "\x00\x00", "\x00\x00\x00\x00"} {
		h := passwords()
		h.User, h.NumberOfPasswordPrompts, h.IdentityAgent, h.LogLevel = "me", 1, "none", "INFO"
		var shown strings.Builder
		banner := append([]byte{msgBanner}, text+rest...)
		l := &liar{says: [][]byte{banner, accept, banner, append(fail("password"), 0, 0), banner, {msgSuccess}}}
		_, err := Login(context.Background(), l, Config{Host: h, Banner: &shown, Ask: func(string, voice.Kind) (string, error) { return typed, nil }})
		if err != nil || strings.Count(shown.String(), "Hi") != 3 {
			t.Errorf("%q: %q, %v", rest, shown.String(), err)
		}
	}
}

func FuzzServerMessages(f *testing.F) {
	f.Add([]byte{msgSpecific, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 'x', 1}, "keyboard-interactive")
	f.Add([]byte{msgSpecific, 0, 0, 0, 1, 'x', 0, 0, 0, 0}, "password")
	f.Add([]byte{msgBanner, 0, 0, 0, 1, 0x1b, 0, 0, 0, 0}, "publickey")
	f.Fuzz(func(t *testing.T, data []byte, methods string) {
		if len(data) == 0 {
			return
		}
		meet(passwords(), accept, fail(methods), data, data)
		var shown strings.Builder
		s := &authentication{Config: Config{Host: &config.Host{LogLevel: "INFO"}, Banner: &shown}}
		s.banner(data)
		if strings.ContainsAny(shown.String(), "\x1b\x07\r\x08\u009b") {
			t.Fatalf("banner %q", shown.String())
		}
	})
}
