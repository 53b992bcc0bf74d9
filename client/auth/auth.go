// Package auth proves to a server who the user is: by keys in an agent, in
// files and on tokens, by passwords, and by what else the server asks. It
// tries what ssh tries, in ssh's order and with its words, but does not wait
// for answers that it does not need.
package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/voice"
	"tssh/proxy/visible"
)

// Conn carries the messages of RFC 4252; *transport.Conn is one.
type Conn interface {
	ReadPacket() ([]byte, error)
	WritePacket([]byte) error
	SessionID() []byte
	ServerVersion() string
	HostKey() (key ssh.PublicKey, blob, signature []byte)
	Extension(name string) (value string, said bool)
}

// Config says who logs in, and how.
type Config struct {
	Host   *config.Host
	Log    voice.Log
	Ask    voice.Asker
	Banner io.Writer // where the server's greeting goes; nil: nowhere

	// Memory keeps what the user typed, for logging in again. Nil: nothing
	// is kept.
	Memory *Memory
	// Silent asks nothing: what is not in Memory, the agent or a file that
	// needs no passphrase is not there.
	Silent bool
	// Distrust says that the host may not be who it should be: it gets no password.
	Distrust bool
}

const (
	msgIgnore         = 2
	msgServiceRequest = 5
	msgServiceAccept  = 6
	msgRequest        = 50
	msgFailure        = 51
	msgSuccess        = 52
	msgBanner         = 53
	msgSpecific       = 60 // its meaning is the method's
	msgInfoResponse   = 61
)

// request is the head of every SSH_MSG_USERAUTH_REQUEST.
type request struct {
	User    string `sshtype:"50"`
	Service string
	Method  string
	Rest    []byte `ssh:"rest"`
}

// outcome is the server's verdict on one try.
type outcome struct {
	sent    bool // a try was made; false: the method has nothing left
	success bool
	partial bool // right, but more is wanted
	unfit   bool // nothing sent: the server takes no signature that the key makes
	methods string
}

// authentication is one login to one server.
type authentication struct {
	Config
	ctx      context.Context
	c        Conn
	accepted bool // SERVICE_ACCEPT came
	answered bool // a request was
	saidNone bool
	failures int

	keys    *keyring
	methods []*method
	proved  []ssh.PublicKey // that the server took a signature of
}

// method is one way to authenticate; nil try means that it is not left.
type method struct {
	name string
	try  func() (outcome, error)
}

// Denied means that the server took nothing of what was tried.
type Denied struct{ User, Host, Methods string }

func (e *Denied) Error() string {
	return fmt.Sprintf("%s@%s: Permission denied (%s).", e.User, e.Host, e.Methods)
}

// Proof is what the server was content with.
type Proof struct {
	Method string          // the last one
	Keys   []ssh.PublicKey // or certificates; none after a password
}

// Login authenticates and returns what did it.
func Login(ctx context.Context, c Conn, cfg Config) (Proof, error) {
	if cfg.Memory == nil {
		cfg.Memory = new(Memory)
	}
	s := &authentication{Config: cfg, ctx: ctx, c: c}
	defer func() {
		if s.keys != nil {
			s.keys.close()
		}
	}()
	s.setMethods()
	if err := c.WritePacket(ssh.Marshal(&struct {
		Name string `sshtype:"5"`
	}{"ssh-userauth"})); err != nil {
		return Proof{}, err
	}
	method, err := s.run()
	return Proof{method, s.proved}, err
}

// setMethods puts the methods that the user allows into the user's order.
func (s *authentication) setMethods() {
	h := s.Host
	interactive := !h.BatchMode && !s.Distrust
	all := map[string]func() (outcome, error){}
	if h.PubkeyAuthentication != "no" {
		all["publickey"] = s.tryKey
	}
	if h.KbdInteractiveAuthentication && interactive {
		all["keyboard-interactive"] = s.interactive()
	}
	if h.PasswordAuthentication && interactive {
		all["password"] = s.password()
	}
	preferred := h.PreferredAuthentications
	if len(preferred) == 0 {
		preferred = []string{"publickey", "keyboard-interactive", "password"}
	}
	for _, name := range preferred {
		if try := all[name]; try != nil {
			s.methods = append(s.methods, &method{name, try})
		}
	}
	s.tellWhatIsNot(preferred)
}

// tellWhatIsNot says which of the methods asked for can't be, and what will be
// done in their place.
func (s *authentication) tellWhatIsNot(preferred []string) {
	h := s.Host
	switch {
	case h.GSSAPIAsked:
		s.Log.Infof("GSSAPI authentication is not supported; going on with other methods")
	case h.GSSAPIAuthentication:
		s.Log.Debugf("GSSAPI authentication is not supported; going on with other methods")
	}
	if h.HostbasedAuthentication && (len(h.PreferredAuthentications) == 0 || slices.Contains(preferred, "hostbased")) {
		s.Log.Infof("hostbased authentication is not supported; going on with other methods")
	}
	if p := h.PKCS11Provider; p != "" && p != "none" {
		s.Log.Infof("PKCS11Provider is not supported; give the token to the agent: ssh-add -s %s", p)
	}
}

// run tries one method after the other until the server is content.
func (s *authentication) run() (string, error) {
	name, o, err := s.first()
	if err != nil {
		return "", err
	}
	list, at, started := "", 0, false // the server's methods; ours tried last
	for {
		if o.success {
			return name, nil
		}
		if o.partial {
			s.Log.Verbosef("Authenticated using %q with partial success.", name)
			s.keys.again()
		}
		if o.sent {
			s.failures++
			s.Log.Debugf("Authentications that can continue: %s", o.methods)
			if !started || o.methods != list {
				s.Log.Debug3f("start over, passed a different list %s", o.methods)
				list, at, started = o.methods, 0, true
			}
		}
		m := s.next(list, &at)
		if m == nil {
			s.Log.Debugf("No more authentication methods to try.")
			return "", &Denied{s.Host.User, s.Host.HostName, list}
		}
		if o, err = s.maybeNone(m); err == nil && !o.success {
			o, err = m.try()
		}
		if err != nil {
			return "", err
		}
		if name = m.name; !o.sent && !o.success {
			s.Log.Debug2f("we did not send a packet, disable method")
			m.try = nil
		}
	}
}

// next returns the method to use now: the same again while it has something
// left to try, else the next that the server takes.
func (s *authentication) next(list string, at *int) *method {
	offered := strings.Split(list, ",")
	for i := *at; i < len(s.methods); i++ {
		m := s.methods[i]
		if m.try == nil || !slices.Contains(offered, m.name) {
			continue
		}
		if i != *at || s.failures <= 1 {
			s.Log.Debugf("Next authentication method: %s", m.name)
		}
		*at = i
		return m
	}
	return nil
}

// first makes the first try. ssh asks the server what it takes, by the method
// "none", and then shows it a key without signing; each costs a round trip.
// To a server that is known to bear it we show the first key at once, signed if
// that disturbs nobody.
func (s *authentication) first() (string, outcome, error) {
	if len(s.methods) > 0 && s.methods[0].name == "publickey" && s.isEager() {
		o, err := s.tryKey()
		if err != nil || o.sent {
			return "publickey", o, err
		}
	}
	s.saidNone = true
	s.failures--
	o, err := s.none()
	return "none", o, err
}

// isEager: the server is one that we know, and has said what it can do.
func (s *authentication) isEager() bool {
	if _, said := s.c.Extension("server-sig-algs"); !said {
		return false
	}
	v := strings.TrimPrefix(s.c.ServerVersion(), "SSH-2.0-")
	return strings.HasPrefix(v, "OpenSSH_") || strings.HasPrefix(v, "dropbear_")
}

func (s *authentication) none() (outcome, error) {
	if err := s.request("none", nil); err != nil {
		return outcome{}, err
	}
	return s.verdict()
}

// maybeNone tries "none" where it was left out, before the user is asked for
// anything: the account may want no proof at all. Servers count tries, so it
// is left out for good when many were made.
func (s *authentication) maybeNone(m *method) (outcome, error) {
	if s.saidNone || m.name == "publickey" || s.failures > 3 {
		return outcome{}, nil
	}
	s.saidNone = true
	return s.none()
}

func (s *authentication) request(method string, rest []byte) error {
	s.Log.Debug3f("send packet: type %d", msgRequest)
	return s.c.WritePacket(ssh.Marshal(&request{s.Host.User, "ssh-connection", method, rest}))
}

// reply returns the next message that is neither a banner nor the answer to
// the request for the service.
func (s *authentication) reply() ([]byte, error) {
	for {
		p, err := s.c.ReadPacket()
		if err != nil {
			return nil, err
		}
		switch {
		case p[0] == msgServiceAccept && !s.accepted:
			s.accepted = true
			s.Log.Debugf("SSH2_MSG_SERVICE_ACCEPT received")
			if err := s.hurry(); err != nil {
				return nil, err
			}
		case p[0] == msgBanner:
			if err := s.banner(p); err != nil {
				return nil, err
			}
		case !s.accepted:
			return nil, fmt.Errorf("authentication service refused: type %d", p[0])
		default:
			s.answered = true
			return p, nil
		}
	}
}

// hurry sends a packet that means nothing (RFC 4253, 11.2) for the acknowledgement
// that it carries. sshd leaves Nagle's algorithm on, which holds its answer to our
// request back until the small one before is acknowledged, and our system puts that
// off by 40 ms when there is nothing to send. Not with compression: that begins with
// the server's success, which may be sent before this comes, and it would not be
// compressed.
func (s *authentication) hurry() error {
	if !s.isEager() || s.Host.Compression {
		return nil
	}
	return s.c.WritePacket([]byte{msgIgnore, 0, 0, 0, 0})
}

// awaitService waits until the server has accepted the service, after which
// its extensions are known.
func (s *authentication) awaitService() error {
	for !s.accepted {
		p, err := s.c.ReadPacket()
		if err != nil {
			return err
		}
		switch p[0] {
		case msgServiceAccept:
			s.accepted = true
			s.Log.Debugf("SSH2_MSG_SERVICE_ACCEPT received")
		case msgBanner:
			if err := s.banner(p); err != nil {
				return err
			}
		default:
			return fmt.Errorf("authentication service refused: type %d", p[0])
		}
	}
	return nil
}

func (s *authentication) banner(p []byte) error {
	var m struct {
		Text string `sshtype:"53"`
		Rest []byte `ssh:"rest"` // a language, none, or more than that: ssh passes over it too
	}
	if err := ssh.Unmarshal(p, &m); err != nil {
		return fmt.Errorf("banner: %w", err)
	}
	level, _ := voice.ParseLevel(s.Host.LogLevel)
	if s.Banner != nil && level >= voice.Info {
		io.WriteString(s.Banner, visible.Text(m.Text))
	}
	return nil
}

// verdict reads the server's answer where nothing else may come.
func (s *authentication) verdict() (outcome, error) {
	p, err := s.reply()
	if err != nil {
		return outcome{}, err
	}
	return s.judge(p)
}

func (s *authentication) judge(p []byte) (outcome, error) {
	switch p[0] {
	case msgSuccess:
		return outcome{sent: true, success: true}, nil
	case msgFailure:
		var m struct {
			Methods string `sshtype:"51"`
			Partial bool
			Rest    []byte `ssh:"rest"`
		}
		if err := ssh.Unmarshal(p, &m); err != nil {
			return outcome{}, fmt.Errorf("authentication failure message: %w", err)
		}
		return outcome{sent: true, partial: m.Partial, methods: visible.Text(m.Methods)}, nil
	}
	return outcome{}, fmt.Errorf("bad message during authentication: type %d", p[0])
}

var errSilent = errors.New("not to be asked now") // never changed

// question asks the user, unless nobody is to be asked.
func (s *authentication) question(text string, kind voice.Kind) (string, error) {
	if s.Silent || s.Host.BatchMode || s.Ask == nil {
		return "", errSilent
	}
	return s.Ask(text, kind)
}
