package login

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"tssh/client/config"
	"tssh/client/shell"
	"tssh/proxy/cause"
)

// command starts ProxyCommand, whose input and output lead to the host.
func command(h *config.Host, o Options) (*path, error) {
	line, err := h.Expand("proxycommand", h.ProxyCommand, nil)
	if err != nil {
		return nil, &Error{Words: err.Error(), Cause: err}
	}
	o.Log.Debugf("Executing proxy command: exec %s", line)
	cmd := shell.InPlace(line)
	cmd.Stderr = os.Stderr
	if h.ProxyUseFdpass {
		return passed(cmd)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start proxy command: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start proxy command: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, &Error{Words: fmt.Sprintf("%s: %s", cmd.Path, cause.Of(err)), Cause: err}
	}
	c := &pipes{in: in.(*os.File), out: out.(*os.File)}
	return &path{conn: c, close: end(cmd)}, nil
}

// end returns what makes a command end with the connection, and waits for it.
func end(cmd *exec.Cmd) func() error {
	return sync.OnceValue(func() error {
		hangUp(cmd.Process)
		kill := time.AfterFunc(2*time.Second, func() { cmd.Process.Kill() })
		defer kill.Stop()
		cmd.Process.Wait() // how it ends is its own affair
		return nil
	})
}

// LocalCommand runs LocalCommand, if there is one and it is permitted, and
// waits for it. tunnel is the name of the tun device, "" for none.
func LocalCommand(h *config.Host, tunnel string) error {
	if !h.PermitLocalCommand || h.LocalCommand == "" || h.LocalCommand == "none" {
		return nil
	}
	if tunnel == "" {
		tunnel = "NONE"
	}
	line, err := h.Expand("localcommand", h.LocalCommand, config.Tokens{'T': tunnel})
	if err != nil {
		return err
	}
	cmd := shell.Command(line)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// pipes is a connection made of a command's input and output.
type pipes struct {
	in, out *os.File
}

func (p *pipes) Read(b []byte) (int, error)  { return p.out.Read(b) }
func (p *pipes) Write(b []byte) (int, error) { return p.in.Write(b) }

// Close closes both ends; it may be called twice.
func (p *pipes) Close() error {
	err := errors.Join(p.in.Close(), p.out.Close())
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

func (p *pipes) LocalAddr() net.Addr  { return nowhere{} }
func (p *pipes) RemoteAddr() net.Addr { return nowhere{} }
func (p *pipes) SetDeadline(t time.Time) error {
	return errors.Join(p.in.SetDeadline(t), p.out.SetDeadline(t))
}
func (p *pipes) SetReadDeadline(t time.Time) error  { return p.out.SetReadDeadline(t) }
func (p *pipes) SetWriteDeadline(t time.Time) error { return p.in.SetWriteDeadline(t) }
