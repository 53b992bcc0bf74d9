package session

import (
	"errors"
	"os"
	"path"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/voice"
	"tssh/proxy/terms"
)

// asker is a channel that sends a request without waiting for its answer. Several
// requests cost one round trip, and a server that answers none of them is of use. The
// channels of client/channel and proxy/sshconn are askers; x/crypto's wait for each
// answer.
type asker interface {
	Ask(kind string, payload []byte) (answer func() (bool, error), err error)
}

// ask sends a request whose answer matters, and waits for it only where the
// channel can't do otherwise.
func ask(ch ssh.Channel, kind string, payload []byte) (func() (bool, error), error) {
	if a, ok := ch.(asker); ok {
		return a.Ask(kind, payload)
	}
	done, err := ch.SendRequest(kind, true, payload)
	return func() (bool, error) { return done, err }, err
}

// begin sends the requests that make the session, in ssh's order. It returns true when
// the far side accepted those that matter, and sets denied when it refused one. With
// neither, the far side has not answered, and the channel's end says why. sent is
// closed when input may follow.
func (r *run) begin(sent chan<- struct{}) bool {
	sentOnce := sync.OnceFunc(func() { close(sent) })
	defer sentOnce()
	if r.Prepare != nil {
		r.Prepare(r.ch)
	}
	granted := func() (bool, error) { return true, nil }
	if r.TTY {
		answer, err := ask(r.ch, "pty-req", r.ptyRequest())
		if err != nil {
			return r.unasked(err)
		}
		if granted = answer; r.host.RequestTTY == "force" || r.host.RequestTTY == "yes" {
			// A command that wants a terminal must not run without one. ssh sends
			// it and closes the channel, so it may run or not.
			if ok, err := granted(); err == nil && !ok {
				r.denied = true
				r.Log.Errorf("PTY allocation request failed on channel 0")
				return false
			}
			granted = func() (bool, error) { return true, nil }
		}
	}
	if r.Attach == 0 { // what runs has its own
		r.sendEnvironment()
	}
	kind, payload := r.what()
	answer, err := ask(r.ch, kind, payload)
	if err != nil {
		return r.unasked(err)
	}
	sentOnce()
	if ok, err := granted(); err == nil && !ok {
		r.Log.Errorf("PTY allocation request failed on channel 0")
		if r.Terminal != nil {
			r.Terminal.Restore()
		}
	}
	ok, err := answer()
	if err != nil {
		return r.unasked(err)
	}
	switch {
	case ok:
	case r.Attach != 0:
		r.denied = true
		r.Log.Errorf("tssh: %s: session %s has just ended", r.host.HostName, r.Name)
	default:
		r.denied = true
		r.Log.Fatalf("%s request failed on channel 0", kind)
	}
	return ok
}

// unasked reports a refused channel, which some connections find out only when it is
// used. Other errors are the connection's, and are reported elsewhere.
func (r *run) unasked(err error) bool {
	var open *ssh.OpenChannelError
	if errors.As(err, &open) {
		r.denied = true
		r.Log.Infof("channel 0: open failed: %s: %s", voice.Refusal(open.Reason), open.Message)
	}
	return false
}

// what is the request that starts the shell, the command or the subsystem.
func (r *run) what() (kind string, payload []byte) {
	text := ssh.Marshal(struct{ Text string }{r.Command})
	switch {
	case r.Attach != 0:
		r.Log.Debugf("Attaching session %s.", r.Name)
		return terms.AttachRequest, ssh.Marshal(struct{ ID uint32 }{r.Attach})
	case r.subsystem():
		r.Log.Debugf("Sending subsystem: %s", r.Command)
		return "subsystem", text
	case r.Command == "":
		return "shell", nil
	}
	r.Log.Debugf("Sending command: %s", r.Command)
	return "exec", text
}

func (r *run) subsystem() bool {
	if r.Guest != nil {
		return r.Guest.Subsystem
	}
	return r.host.SessionType == "subsystem"
}

// ptyRequest is RFC 4254, section 6.2.
func (r *run) ptyRequest() []byte {
	p := struct {
		Term                      string
		Cols, Rows, Width, Height uint32
		Modes                     string
	}{Term: r.term(), Modes: "\x00"}
	if r.Terminal != nil {
		s := r.Terminal.Size()
		p.Cols, p.Rows, p.Width, p.Height = uint32(s.Cols), uint32(s.Rows), uint32(s.Width), uint32(s.Height)
		p.Modes = string(r.Terminal.Modes())
	}
	return ssh.Marshal(p)
}

// term is the terminal's type: the guest's, or SetEnv's, or our own.
func (r *run) term() string {
	if r.Guest != nil {
		return r.Guest.Term
	}
	return Term(r.host)
}

// Term is the terminal's type for sessions on h.
func Term(h *config.Host) string {
	for _, e := range h.SetEnv {
		if v, ok := strings.CutPrefix(e, "TERM="); ok && v != "" {
			return v
		}
	}
	if term := os.Getenv("TERM"); term != "" || runtime.GOOS != "windows" {
		return term
	}
	return "xterm-256color" // what a console of Windows is, which says so to nobody
}

// sendEnvironment sends what Environment chooses, or the guest. No answer is
// wanted: servers refuse most of it by default.
func (r *run) sendEnvironment() {
	var env []string
	if r.Guest != nil {
		env = r.Guest.Env
	} else if env = Environment(r.host, os.Environ()); len(r.host.SendEnv) > 0 {
		r.Log.Debugf("Sending environment.")
	}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		r.setenv(name, value)
	}
}

// Environment returns the variables to send, as NAME=VALUE: those of environ
// that SendEnv chooses, then SetEnv.
func Environment(h *config.Host, environ []string) []string {
	var env []string
	for _, e := range environ {
		if name, _, ok := strings.Cut(e, "="); ok && Permits(h, name) {
			env = append(env, e)
		}
	}
	return append(env, h.SetEnv...)
}

// Permits tells whether SendEnv chooses the variable name.
func Permits(h *config.Host, name string) bool { return matches(h.SendEnv, name) }

func (r *run) setenv(name, value string) {
	r.Log.Debugf("channel 0: setting env %s = %q", name, value)
	r.ch.SendRequest("env", false, ssh.Marshal(struct{ Name, Value string }{name, value}))
}

// matches tells whether a pattern of * and ? chooses name.
func matches(patterns []string, name string) bool {
	for _, p := range patterns {
		// Only * and ? mean something to ssh; path.Match knows brackets too.
		p = strings.NewReplacer(`\`, `\\`, `[`, `\[`).Replace(p)
		if ok, _ := path.Match(p, name); ok && !strings.Contains(name, "/") {
			return true
		}
	}
	return false
}

// windowChange tells the far side the new size.
func (r *run) windowChange() {
	s := r.Terminal.Size()
	r.ch.SendRequest("window-change", false, ssh.Marshal(struct{ Cols, Rows, Width, Height uint32 }{
		uint32(s.Cols), uint32(s.Rows), uint32(s.Width), uint32(s.Height)}))
}

// sendBreak is RFC 4335.
func (r *run) sendBreak() {
	r.ch.SendRequest("break", false, ssh.Marshal(struct{ Milliseconds uint32 }{1000}))
}

// ended is how the far side said that the command ended.
type ended struct {
	status int
	known  bool   // an exit-status came
	signal string // an exit-signal came
}

// serve answers what the far side asks on the channel until the channel ends.
func (r *run) serve(reqs <-chan *ssh.Request) (e ended) {
	for q := range reqs {
		ok := false
		switch q.Type {
		case "exit-status":
			var m struct {
				Status uint32
				Rest   []byte `ssh:"rest"`
			}
			if ssh.Unmarshal(q.Payload, &m) == nil {
				e.status, e.known, ok = int(m.Status), true, true
			}
		case "exit-signal":
			var m struct {
				Signal string
				Rest   []byte `ssh:"rest"` // whether a core was dumped, and a message: not shown
			}
			if ssh.Unmarshal(q.Payload, &m) == nil {
				e.signal, ok = m.Signal, true
				r.Log.Debugf("client_input_channel_req: channel 0 rtype exit-signal SIG%s", m.Signal)
			}
		case "eow@openssh.com":
			r.noMoreInput()
			ok = true
		case terms.TakenRequest:
			var m struct{ By string }
			if ssh.Unmarshal(q.Payload, &m) == nil {
				r.taken.Store(&m.By)
				ok = true
			}
		}
		if q.WantReply {
			q.Reply(ok, nil)
		}
	}
	return e
}
