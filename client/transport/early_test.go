package transport

import (
	"bytes"
	"encoding/binary"
	"testing"

	"golang.org/x/crypto/ssh"
)

// words is a packet of a type and some numbers.
func words(kind byte, numbers ...uint32) []byte {
	b := []byte{kind}
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func openSession(ours uint32) []byte {
	return ssh.Marshal(&struct {
		Kind                 string `sshtype:"90"`
		Ours, Window, Packet uint32
	}{"session", ours, 2 << 20, 32 << 10})
}

func quiet() *early {
	return &early{log: func(string, ...any) {}, answers: make(chan []byte, 1)}
}

func TestFirstSessionIsOpenAtOnce(t *testing.T) {
	e := quiet()
	e.sent(openSession(7))
	if got, ok, err := e.next(); !ok || err != nil || !bytes.Equal(got, words(msgChannelOpened, 7, 0, 0, sessionPacket)) {
		t.Fatalf("answered %x, %v, %v", got, ok, err)
	}
	other := words(80, 1, 2)
	if got, done, err := e.translate(other); done || err != nil || !bytes.Equal(got, other) {
		t.Errorf("another packet became %x, %v, %v", got, done, err)
	}
	// The true answer becomes the room to send that it brings.
	got, done, err := e.translate(words(msgChannelOpened, 7, 0, 1000, sessionPacket))
	if !done || err != nil || !bytes.Equal(got, words(msgWindowAdjust, 7, 1000)) {
		t.Errorf("the server's answer became %x, %v, %v", got, done, err)
	}
	again := words(msgChannelOpened, 8, 1, 0, sessionPacket)
	if got, done, _ := e.translate(again); !done || !bytes.Equal(got, again) {
		t.Errorf("a later session's answer became %x", got)
	}
}

func TestRefusedSessionIsClosed(t *testing.T) {
	e := quiet()
	told := ""
	e.log = func(_ string, args ...any) { told = args[0].(string) + ", " + args[1].(string) }
	e.sent(openSession(0))
	refusal := ssh.Marshal(&struct {
		Ours, Reason uint32 `sshtype:"92"`
		Text, Lang   string
	}{0, 1, "open failed", ""})
	got, done, err := e.translate(refusal)
	if !done || err != nil || !bytes.Equal(got, words(msgChannelClose, 0)) || told != "administratively prohibited, open failed" {
		t.Errorf("became %x, %v, %v; told %q", got, done, err, told)
	}
}

func TestServerWithOtherNumbersIsNotMistaken(t *testing.T) {
	e := quiet()
	e.sent(openSession(0))
	if _, _, err := e.translate(words(msgChannelOpened, 0, 1, 0, sessionPacket)); err == nil {
		t.Error("a command would have run on the channel of another")
	}
}

func TestNothingIsGuessedAfterAnythingElse(t *testing.T) {
	// A forwarding asked for before takes a number of the server's.
	e := quiet()
	e.sent(words(80))
	e.sent(openSession(0))
	if len(e.answers) > 0 {
		t.Error("guessed")
	}
}

func TestOnlyOpenSSHIsGuessed(t *testing.T) {
	for _, c := range []struct {
		version   string
		hostbound bool
		want      bool
	}{
		{"SSH-2.0-OpenSSH_9.2p1 Debian-2", true, true},
		{"SSH-2.0-OpenSSH_9.2p1", false, false}, // says so, and is not
		{"SSH-2.0-Go", true, false},
	} {
		x := &Conn{serverVersion: c.version, extensions: map[string]string{}}
		if c.hostbound {
			x.extensions[hostbound] = "0"
		}
		if x.guessable() != c.want {
			t.Errorf("%+v", c)
		}
	}
}
