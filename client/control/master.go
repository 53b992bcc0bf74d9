package control

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/proxy/accept"
	"tssh/proxy/peer"
)

// Config is what a master shares, and with whom.
type Config struct {
	// Conn is the connection: stdio forwards and proxy clients open channels on it.
	Conn ssh.Conn
	// Session runs one session on s's descriptors until its last byte is written,
	// and returns its exit status; -1 when it had none. When it could not even
	// be opened, s.Started was not called and err says why.
	Session func(ctx context.Context, s *Session) (status int, err error)
	// Forwards opens and closes forwards; nil refuses them.
	Forwards Forwards
	// PermitEnv says which variables of a client's may be sent, as SendEnv does;
	// nil: none.
	PermitEnv func(name string) bool
	// Confirm asks the user, for "ControlMaster ask"; nil permits everything.
	Confirm func(question string) bool
	// Info describes the "connection" or its "channels", in lines; nil: it has
	// nothing to say about that.
	Info func(about string) []string
	// Host is the server as questions name it.
	Host string
	// Logf takes what ssh would log at level debug2; nil is silent.
	Logf func(format string, args ...any)
}

// Forwards is what a master needs of the forwards of its connection.
type Forwards interface {
	// Has tells whether f stands already, and the port chosen by the server.
	Has(k Kind, f config.Forward) (port int, ok bool)
	// Add opens f. port is the one chosen by the server when f asks for that.
	Add(ctx context.Context, k Kind, f config.Forward) (port int, err error)
	// Cancel closes f, and fails when nobody asked for it.
	Cancel(k Kind, f config.Forward) error
}

// ErrInUse says that another master has the ControlPath. The connection goes on
// without being shared.
var ErrInUse = errors.New("already exists, disabling multiplexing")

// Master shares one connection.
//
// It ends by Exit, by Close, or when Wait says that it has nothing to do:
//
//	serving --stop--> draining --last client leaves--> idle
//	   '------------------ no client for a while ------'
type Master struct {
	cfg      Config
	path     string
	listener *net.UnixListener
	exit     chan struct{} // closed when a client asked for the end

	mu      sync.Mutex // guards what follows
	file    os.FileInfo
	holds   int           // clients, and whatever else Hold was called for
	stopped bool          // no new clients
	exiting bool          // exit is closed
	session uint32        // the last session's number
	changed chan struct{} // closed, and replaced, with every change of the above
	conns   map[*net.UnixConn]bool
	closed  bool
	wg      sync.WaitGroup
}

// Listen makes the socket at path, readable by this user alone. A socket whose
// master is gone is replaced; with a living one the error wraps ErrInUse. From
// then on clients may connect: they wait for Serve.
func Listen(path string, cfg Config) (*Master, error) {
	if !Supported {
		return nil, fmt.Errorf("ControlMaster: connection sharing is not supported on %s", runtime.GOOS)
	}
	if cfg.Logf == nil {
		cfg.Logf = func(string, ...any) {}
	}
	l, err := listen(path)
	if errors.Is(err, fs.ErrExist) && removeStale(path) {
		l, err = listen(path)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("ControlSocket %s %w", path, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("mux listener %s: %w", path, err)
	}
	file, err := os.Lstat(path)
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("mux listener %s: %w", path, err)
	}
	return &Master{
		cfg:      cfg,
		path:     path,
		listener: l,
		file:     file,
		exit:     make(chan struct{}),
		changed:  make(chan struct{}),
		conns:    make(map[*net.UnixConn]bool),
	}, nil
}

// removeStale removes a socket that nobody listens at. Anything else stays.
func removeStale(path string) bool {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err == nil {
		conn.Close()
		return false
	}
	info, serr := os.Lstat(path)
	return refused(err) && serr == nil && info.Mode().Type() == fs.ModeSocket && os.Remove(path) == nil
}

// Serve serves clients until Close, or until ctx ends; then it ends those that
// are left. After Stop it goes on for them.
func (m *Master) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { m.Close() })
	defer stop()
	complain := func(err error) { m.cfg.Logf("mux listener: %v", err) }
	accept.Each(m.listener.AcceptUnix, complain, func(conn *net.UnixConn) {
		// As in ssh: whoever connects has the connection, so the mode of the socket
		// is not all that keeps others out.
		if err := peer.SameOrRoot(conn); err != nil {
			m.cfg.Logf("mux client: %v", err)
			conn.Close()
			return
		}
		if !m.admit(conn) {
			conn.Close()
			return
		}
		go func() {
			defer m.dismiss(conn)
			p := &guest{master: m, conn: conn}
			if err := p.serve(ctx); err != nil {
				m.cfg.Logf("mux client: %v", err)
			}
		}()
	})
	// Clients that were let in before the listener closed are served to their end.
	m.wg.Wait()
	return ctx.Err()
}

func (m *Master) admit(conn *net.UnixConn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.conns[conn] = true
	m.wg.Add(1)
	m.changeLocked(1)
	return true
}

func (m *Master) dismiss(conn *net.UnixConn) {
	conn.Close()
	m.mu.Lock()
	delete(m.conns, conn)
	m.changeLocked(-1)
	m.mu.Unlock()
	m.wg.Done()
}

// changeLocked counts holds and wakes Wait.
func (m *Master) changeLocked(holds int) {
	m.holds += holds
	close(m.changed)
	m.changed = make(chan struct{})
}

// Hold keeps the master busy, as a client does, until release is called: for
// forwarded connections and the master's own session.
func (m *Master) Hold() (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changeLocked(1)
	return sync.OnceFunc(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.changeLocked(-1)
	})
}

// Exited is closed when a client asked for the end of everything ("-O exit").
func (m *Master) Exited() <-chan struct{} { return m.exit }

// Wait returns nil when the master has had nothing to do for linger: at once
// with 0, never when it is negative, as ControlPersist has it. After Stop,
// linger is 0. It returns earlier with an error when ctx ends, and with nil
// when a client asked for the end.
func (m *Master) Wait(ctx context.Context, linger time.Duration) error {
	for {
		m.mu.Lock()
		idle, stopped, changed := m.holds == 0, m.stopped, m.changed
		m.mu.Unlock()
		var over <-chan time.Time
		switch {
		case idle && (stopped || linger == 0):
			return nil
		case idle && linger > 0:
			t := time.NewTimer(linger)
			defer t.Stop()
			over = t.C
		}
		select {
		case <-changed:
		case <-over:
			return nil
		case <-m.exit:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Stop takes no more clients and removes the socket. Those that are there stay.
func (m *Master) Stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return
	}
	m.stopped = true
	m.listener.Close()
	// The name may be another master's by now.
	if now, err := os.Lstat(m.path); err == nil && os.SameFile(now, m.file) {
		os.Remove(m.path)
	}
	m.changeLocked(0)
}

// quit is "-O exit".
func (m *Master) quit() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.exiting {
		m.exiting = true
		close(m.exit)
	}
}

// Close ends the master and its clients' sessions, and removes the socket. It
// may be called twice. It does not close Conn.
func (m *Master) Close() error {
	m.Stop()
	m.mu.Lock()
	m.closed = true
	for c := range m.conns {
		c.Close()
	}
	m.mu.Unlock()
	m.wg.Wait()
	return nil
}

// nextSession numbers a session.
func (m *Master) nextSession() uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.session++
	return m.session
}

// confirm asks the user when it was asked to ask.
func (m *Master) confirm(format string, args ...any) bool {
	return m.cfg.Confirm == nil || m.cfg.Confirm(fmt.Sprintf(format, args...))
}

// nonce is the end of a temporary name.
func nonce() string { return rand.Text()[:16] }
