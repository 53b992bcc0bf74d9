package bootstrap

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/auth"
	"tssh/client/channel"
	attacker "tssh/client/hostile"
	"tssh/client/sshconfig"
	"tssh/client/transport"
	"tssh/proxy/simnet"
	"tssh/proxy/terms"
	"tssh/proxy/wire"
)

// TestLoginTakesFourTurns, from a TCP connection to tsshd's greeting, when all is
// where it was: versions and offers, keys, the user, the command. In fake time only
// the network takes any, so that it counts the turns.
func TestLoginTakesFourTurns(t *testing.T) {
	const turn = 200 * time.Millisecond
	h, err := sshconfig.Resolve(sshconfig.Local(), sshconfig.Request{Host: "far", File: "none", Settings: []sshconfig.Setting{
		sshconfig.Set("User", "me"), sshconfig.Set("IdentityFile", userKey(t)), sshconfig.Set("IdentityAgent", "none"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		phone, far := simnet.Pair(t, simnet.Link{Delay: turn / 2})
		l, err := far.ListenTCP(22)
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			conn, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			openSSH(t, attacker.On(t, conn))
			io.Copy(io.Discard, conn)
		}()
		conn, err := phone.DialTCP(t.Context(), far.Addr(22))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { conn.Close(); <-served }()
		began := time.Now()
		tr, err := transport.Handshake(conn, transport.Config{
			Kex: []string{attacker.Kex}, Ciphers: []string{attacker.Cipher}, MACs: []string{attacker.MAC},
			HostKeys:     []string{ssh.KeyAlgoED25519},
			CheckHostKey: func(ssh.PublicKey, string) error { return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := auth.Login(t.Context(), tr, auth.Config{Host: h.Host}); err != nil {
			t.Fatal(err)
		}
		tr.AllowRekey()
		client := ssh.NewClient(channel.New(tr, channel.Meta{User: "me"}, channel.Config{
			Guess: tr.IsOpenSSH(), Close: tr.Close, Ended: func(error) {},
		}))
		_, err = Start(t.Context(), client, Request{Offer: terms.Offer{Transport: wire.QUIC}, Forced: tr.Forced})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 4*turn+turn/2 {
			t.Errorf("%.1f turns", float64(took)/float64(turn))
		}
		client.Close()
	})
}

// openSSH answers as that does, to a user whose key allows everything.
func openSSH(t *testing.T, s *attacker.Server) {
	s.Version = "SSH-2.0-OpenSSH_9.2p1"
	s.Extensions = []string{"server-sig-algs", "publickey-hostbound@openssh.com"}
	s.Connect()
	s.Welcome()
	s.Send(ssh.Marshal(&struct {
		Kind string `sshtype:"80"`
		Want bool
	}{"hostkeys-00@openssh.com", false}))
	s.Send(ssh.Marshal(&struct {
		Always        bool `sshtype:"4"`
		Message, Lang string
	}{true, "/home/me/.ssh/authorized_keys:1: key options: pty user-rc", ""}))
	var open struct {
		Kind                 string `sshtype:"90"`
		Ours, Window, Packet uint32
	}
	first := s.Read()
	for len(first) > 0 && first[0] == 2 { // it means nothing
		first = s.Read()
	}
	if err := ssh.Unmarshal(first, &open); err != nil {
		t.Errorf("the first message of who logged in: %v", err)
		return
	}
	s.Await(98)
	s.Send(ssh.Marshal(&struct {
		Theirs               uint32 `sshtype:"91"`
		Ours, Window, Packet uint32
	}{open.Ours, 0, 1 << 20, 32 << 10}))
	s.Send(ssh.Marshal(&struct {
		Theirs uint32 `sshtype:"99"`
	}{open.Ours}))
	s.Send(ssh.Marshal(&struct {
		Theirs uint32 `sshtype:"94"`
		Data   string
	}{open.Ours, "{tssh:hello}\n{tssh:run /opt/tsshd}\n" + terms.Greeting{Release: "0.0.9", PID: 1, Port: 61001}.Line()}))
}

func userKey(t *testing.T) (file string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
