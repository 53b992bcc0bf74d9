// Package doctor is tssh --doctor: what works from here to a host.
package doctor

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/bootstrap"
	"tssh/client/login"
	"tssh/proxy"
	"tssh/proxy/visible"
	"tssh/proxy/wire"
)

// examTimeout is how long one kind of path is tried.
const examTimeout = 6 * time.Second

// largeMTU is what an Ethernet without a tunnel carries, with IPv6's headers.
const largeMTU = 1452

// Config is what Examine needs.
type Config struct {
	Destination string // as the user named it
	User        string // what follows is as the host's configuration has it
	HostName    string
	Ports       string // of UDP
	MTU         int    // bytes; 0: the usual
	Out         io.Writer

	// Dial logs in.
	Dial func(context.Context) (*login.Login, error)
	// Move opens a session on one kind of path, with datagrams of mtu bytes (0: the usual).
	Move func(ctx context.Context, l *login.Login, mode wire.Mode, mtu int) (Session, error)
}

// Session is one that was opened to see whether it can be.
type Session interface {
	// Confirmed returns when the server has answered over the session.
	Confirmed(context.Context) error
	// State is how the way to the server is.
	State() proxy.State
	// Server is the tsshd that was started.
	Server() bootstrap.Started
	// Leave ends the session and keeps the login.
	Leave()
}

// Examine says in words what works from here to the host, and what to change. It
// returns false when nothing does.
func Examine(ctx context.Context, c Config) bool {
	say := func(what, format string, args ...any) {
		fmt.Fprintln(c.Out, finding(what, fmt.Sprintf(format, args...)))
	}
	start := time.Now()
	l, err := c.Dial(ctx)
	if err != nil {
		say("ssh", "no: %v", err)
		return false
	}
	defer l.Close()
	say("ssh", "works, logged in as %s in %v", c.User, time.Since(start).Round(time.Millisecond))
	if !l.Direct {
		say("route", "through a proxy or another host: UDP and TCP only work if this machine reaches %s by itself", c.HostName)
	}
	for _, line := range lingering(l.Client) {
		say("logout", "%s", line)
	}
	works := map[wire.Mode]bool{}
	for _, mode := range []wire.Mode{wire.OnlyUDP, wire.OnlyTCP, wire.OnlySSH} {
		how, err := c.examine(ctx, l, mode, c.MTU)
		works[mode] = err == nil
		if err != nil {
			say(strings.ToUpper(string(mode)), "no: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		say(strings.ToUpper(string(mode)), "works: %s", how)
		if mode == wire.OnlyUDP && c.MTU == 0 {
			c.examineMTU(ctx, l, say)
		}
	}
	switch {
	case works[wire.OnlyUDP]:
		say("advice", "nothing to change: tssh --udp %s", c.Destination)
	case works[wire.OnlyTCP], works[wire.OnlySSH]:
		say("advice", "open UDP ports %s to %s in its firewall, at best all of them; until then tssh --udp uses the next best path by itself",
			c.Ports, c.HostName)
	default:
		say("advice", "see the errors above; if no tsshd could be started, install one and set TsshdPath")
		return false
	}
	return true
}

// finding is one line of the doctor's, some of it in the server's words: a path,
// a release, what it said when it failed.
func finding(what, text string) string { return fmt.Sprintf("%-9s %s", what+":", visible.Line(text)) }

// examineMTU says whether datagrams of an Ethernet's size pass.
func (c Config) examineMTU(ctx context.Context, l *login.Login, say func(what, format string, args ...any)) {
	if _, err := c.examine(ctx, l, wire.OnlyUDP, largeMTU); err != nil {
		say("MTU", "datagrams of %d bytes do not pass (%v); 1200, with which sessions begin, do", largeMTU, err)
		return
	}
	say("MTU", "datagrams of %d bytes pass, which saves work with bulk data: sessions find that", largeMTU)
}

// examine moves a session with datagrams of mtu bytes (0: the usual) onto one kind
// of path, and says how that went.
func (c Config) examine(ctx context.Context, l *login.Login, mode wire.Mode, mtu int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, examTimeout)
	defer cancel()
	r, err := c.Move(ctx, l, mode, mtu)
	if ctx.Err() != nil {
		return "", fmt.Errorf("no answer within %v", examTimeout)
	}
	if err != nil {
		return "", err
	}
	// The login is for the other kinds too.
	defer r.Leave()
	if err := r.Confirmed(ctx); err != nil {
		return "", err
	}
	s := r.State()
	how := fmt.Sprintf("%s, tsshd %s", r.Server().Path, r.Server().Release)
	if s.Remote.IsValid() {
		how = fmt.Sprintf("%v, round trip %v, %s", s.Remote, s.RTT.Round(100*time.Microsecond), how)
	}
	return how, nil
}

// askSystemd is one line, as any login shell takes it. It says nothing where there
// is no systemd.
const askSystemd = `sh -c 'test -d /run/systemd/system && loginctl show-user "$(id -un)" -p Linger && ` +
	`grep -hi "^ *KillUserProcesses *= *yes" /etc/systemd/logind.conf /etc/systemd/logind.conf.d/*.conf' 2>/dev/null`

// lingering tells whether systemd lets the user's processes outlive a login.
func lingering(c *ssh.Client) []string {
	s, err := c.NewSession()
	if err != nil {
		return nil
	}
	defer s.Close()
	var out bytes.Buffer
	s.Stdout = &out
	if s.Run(askSystemd) != nil && out.Len() == 0 {
		return []string{"no systemd that would end sessions when you log out"}
	}
	if strings.Contains(out.String(), "Linger=no") && strings.Contains(strings.ToLower(out.String()), "killuserprocesses") {
		return []string{"systemd ends what you leave running (KillUserProcesses=yes); run there: loginctl enable-linger"}
	}
	return []string{"sessions outlive the login"}
}
