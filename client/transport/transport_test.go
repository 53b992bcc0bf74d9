package transport

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"tssh/client/sshconfig/algorithm"

	"golang.org/x/crypto/ssh"
)

func hostSigner(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pair is a loopback connection: unlike net.Pipe it buffers, as networks do.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// echo serves one x/crypto connection whose channels send back what they get.
func echo(conn net.Conn, cfg *ssh.ServerConfig) {
	_, chans, reqs, err := ssh.NewServerConn(conn, cfg)
	if err != nil {
		conn.Close()
		return
	}
	go ssh.DiscardRequests(reqs)
	for n := range chans {
		ch, reqs, err := n.Accept()
		if err != nil {
			return
		}
		go ssh.DiscardRequests(reqs)
		go func() {
			io.Copy(ch, ch)
			ch.CloseWrite()
			ch.Close()
		}()
	}
}

// login does what an authentication does, with no proof asked.
func login(c *Conn) error {
	service := ssh.Marshal(&struct {
		Name string `sshtype:"5"`
	}{"ssh-userauth"})
	none := ssh.Marshal(&struct {
		User    string `sshtype:"50"`
		Service string
		Method  string
	}{"me", "ssh-connection", "none"})
	if err := errors.Join(c.WritePacket(service), c.WritePacket(none)); err != nil {
		return err
	}
	for _, want := range []byte{6, 52} {
		p, err := c.ReadPacket()
		if err != nil {
			return err
		}
		if p[0] != want {
			return errors.New("unexpected message")
		}
	}
	c.AllowRekey()
	return nil
}

func TestTalksToXCrypto(t *testing.T) {
	key := hostSigner(t)
	all := ssh.SupportedAlgorithms()
	weak := ssh.InsecureAlgorithms()
	server := ssh.Config{
		KeyExchanges: append(all.KeyExchanges, weak.KeyExchanges...),
		Ciphers:      append(all.Ciphers, weak.Ciphers...),
		MACs:         append(all.MACs, weak.MACs...),
	}
	kexs := able(Everything().Kex, server.KeyExchanges)
	ciphers := able(Everything().Ciphers, server.Ciphers)
	macs := able(Everything().MACs, server.MACs)
	try := func(name string, cfg Config) {
		t.Run(name, func(t *testing.T) {
			client, far := pair(t)
			sc := &ssh.ServerConfig{Config: server, NoClientAuth: true}
			sc.AddHostKey(key)
			go echo(far, sc)
			cfg.HostKeys = []string{ssh.KeyAlgoED25519}
			cfg.RekeyBytes = 20000
			cfg.CheckHostKey = func(k ssh.PublicKey, _ string) error {
				if !bytes.Equal(k.Marshal(), key.PublicKey().Marshal()) {
					return errors.New("another key")
				}
				return nil
			}
			c, err := Handshake(client, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := login(c); err != nil {
				t.Fatal(err)
			}
			echoes(t, c)
		})
	}
	for _, k := range kexs {
		if strings.Contains(k, "group-exchange") {
			continue // x/crypto serves none
		}
		try(k, Config{Kex: []string{k}})
	}
	for _, c := range ciphers {
		try(c, Config{Ciphers: []string{c}})
	}
	for _, m := range macs {
		try(m, Config{Ciphers: []string{"aes128-ctr"}, MACs: []string{m}})
	}
}

// TestClockThatIsSetIsNoSilence: by a time of day that is set back a server would seem
// to have spoken in the future, and not be asked for a sign of life until then.
func TestClockThatIsSetIsNoSilence(t *testing.T) {
	client, far := pair(t)
	sc := &ssh.ServerConfig{NoClientAuth: true}
	sc.AddHostKey(hostSigner(t))
	go echo(far, sc)
	c, err := Handshake(client, Config{HostKeys: []string{ssh.KeyAlgoED25519}, CheckHostKey: func(ssh.PublicKey, string) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if err := login(c); err != nil {
		t.Fatal(err)
	}
	if h := c.Heard(); h == h.Round(0) {
		t.Errorf("heard at %v, by the wall clock alone", h)
	}
	echoes(t, c)
}

// echoes sends enough through a channel for several changes of keys.
func echoes(t *testing.T, c *Conn) {
	t.Helper()
	conn, chans, reqs := mux(c, func(error) {})
	client := ssh.NewClient(conn, chans, reqs)
	defer client.Close()
	ch, in, err := client.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(in)
	sent := make([]byte, 200000)
	rand.Read(sent)
	go func() {
		ch.Write(sent)
		ch.CloseWrite()
	}()
	got, err := io.ReadAll(ch)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("got %d bytes back, %v", len(got), err)
	}
}

func TestOtherHostKeyEndsTheLogin(t *testing.T) {
	client, far := pair(t)
	sc := &ssh.ServerConfig{NoClientAuth: true}
	sc.AddHostKey(hostSigner(t))
	go echo(far, sc)
	refused := errors.New("not this one")
	_, err := Handshake(client, Config{
		HostKeys:     []string{ssh.KeyAlgoED25519},
		CheckHostKey: func(ssh.PublicKey, string) error { return refused },
	})
	if !errors.Is(err, refused) {
		t.Fatalf("got %v", err)
	}
}

func TestNoCommonAlgorithmIsNamed(t *testing.T) {
	client, far := pair(t)
	sc := &ssh.ServerConfig{NoClientAuth: true, Config: ssh.Config{Ciphers: []string{ssh.CipherAES256CTR}}}
	sc.AddHostKey(hostSigner(t))
	go echo(far, sc)
	_, err := Handshake(client, Config{
		HostKeys: []string{ssh.KeyAlgoED25519}, Ciphers: []string{"aes128-ctr"},
		CheckHostKey: func(ssh.PublicKey, string) error { return nil },
	})
	if err == nil || err.Error() != "no matching cipher found. Their offer: aes256-ctr" {
		t.Fatalf("got %v", err)
	}
}

// flip changes one bit of what the server sends, at an offset.
type flip struct {
	net.Conn
	at int
}

func (f *flip) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	if f.at >= 0 && f.at < n {
		p[f.at] ^= 1
	}
	f.at -= n
	return n, err
}

// TestFlippedBitsNeverPass changes one bit anywhere in the handshake or after
// it: the login must end, not hang and not go on.
func TestFlippedBitsNeverPass(t *testing.T) {
	key := hostSigner(t)
	for _, cipher := range Sound().Ciphers {
		for at := 30; at < 2600; at += 131 {
			client, far := pair(t)
			sc := &ssh.ServerConfig{NoClientAuth: true}
			sc.AddHostKey(key)
			go echo(far, sc)
			f := &flip{Conn: client, at: at}
			client.SetDeadline(time.Now().Add(300 * time.Millisecond))
			c, err := Handshake(f, Config{
				Kex: []string{"curve25519-sha256"}, Ciphers: []string{cipher}, HostKeys: []string{ssh.KeyAlgoED25519},
				CheckHostKey: func(k ssh.PublicKey, _ string) error {
					if !bytes.Equal(k.Marshal(), key.PublicKey().Marshal()) {
						return errors.New("another key")
					}
					return nil
				},
			})
			if err == nil {
				err = login(c)
			}
			if err == nil && f.at < 0 {
				t.Fatalf("%s: bit flipped at %d, and nobody saw it", cipher, at)
			}
			client.Close()
			far.Close()
		}
	}
}

func TestGroupsArePrime(t *testing.T) {
	for _, bits := range []int{1024, 2048, 4096, 8192} {
		p := oakley(bits).p
		if p.BitLen() != bits {
			t.Errorf("group of %d bits has %d", bits, p.BitLen())
		}
		if testing.Short() && bits > 2048 {
			continue // seconds
		}
		if !p.ProbablyPrime(1) {
			t.Errorf("group of %d bits: not prime", bits)
		}
	}
}

func FuzzPackets(f *testing.F) {
	f.Add([]byte("SSH-2.0-x\r\n\x00\x00\x00\x0c\x0a\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("hello\nSSH-1.99-y\n\x00\x00\x00\x08\x04\x01\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		Handshake(&script{r: bytes.NewReader(data)}, Config{
			HostKeys: []string{ssh.KeyAlgoED25519}, CheckHostKey: func(ssh.PublicKey, string) error { return nil },
		})
	})
}

// script is a server that says what it was told to, and hears nothing.
type script struct {
	net.Conn
	r io.Reader
}

func (s *script) Read(p []byte) (int, error)  { return s.r.Read(p) }
func (s *script) Write(p []byte) (int, error) { return len(p), nil }
func (s *script) RemoteAddr() net.Addr        { return &net.UnixAddr{} }
func (s *script) Close() error                { return nil }

func TestInfoSaysWhatWasAgreedOn(t *testing.T) {
	c, err := attack(t, trusting, func(h *hostile) {
		h.open()
		h.reply(nil)
		h.newKeys()
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := strings.Join(c.Info(), "\n")
	for _, want := range []string{"versions tssh_1.0 -> hostile", "kexalgorithm curve25519-sha256", "hostkeyalgorithm ssh-ed25519",
		"cipher aes128-ctr", "mac hmac-sha2-256", "compression none", "rekey limit none interval none", "traffic 3 pkts "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

// TestNamesAreOfWhatThereIs: package algorithm, which imports nothing, names what
// this one can do, and nothing else.
func TestNamesAreOfWhatThereIs(t *testing.T) {
	all := Everything()
	for kind, can := range map[algorithm.Kind][]string{algorithm.Kex: all.Kex, algorithm.Cipher: all.Ciphers, algorithm.MAC: all.MACs} {
		named := algorithm.Supported(kind)
		slices.Sort(named)
		slices.Sort(can)
		if !slices.Equal(named, can) {
			t.Errorf("kind %d: named %q, can do %q", kind, named, can)
		}
	}
}
