package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"tssh/proxy"
	"tssh/proxy/accept"
	"tssh/proxy/peer"
	"tssh/proxy/terms"
	"tssh/server/detach"
	"tssh/server/logins"
)

// relayDoor is the unix socket of the path through ssh. Only the user can reach
// it; what comes in must prove by a knock that it is the client.
type relayDoor struct {
	path    string
	listen  *net.UnixListener
	proxy   *proxy.Server
	logins  *logins.Logins
	logf    func(string, ...any)
	running sync.WaitGroup
}

// openRelay opens one in a directory that only the user can enter.
func openRelay(dir string, p *proxy.Server, l *logins.Logins, logf func(string, ...any)) (*relayDoor, error) {
	if dir == "" {
		return nil, errors.New("there is no directory for its socket")
	}
	r := &relayDoor{proxy: p, logins: l, logf: logf}
	var err error
	for n := 1; ; n++ {
		if r.path = filepath.Join(dir, "relay"); n > 1 {
			r.path += strconv.Itoa(n)
		}
		r.listen, err = net.ListenUnix("unix", &net.UnixAddr{Name: r.path, Net: "unix"})
		if !errors.Is(err, syscall.EADDRINUSE) || n > maxSeats {
			break
		}
	}
	if err == nil {
		err = os.Chmod(r.path, 0o600)
	}
	if err != nil {
		return nil, err
	}
	r.running.Go(r.accept)
	return r, nil
}

func (r *relayDoor) accept() {
	complain := func(err error) { r.logf("relay: %v", err) }
	accept.Each(r.listen.AcceptUnix, complain, func(conn *net.UnixConn) {
		if err := peer.Same(conn); err != nil {
			r.logf("relay: %v", err)
			conn.Close()
			return
		}
		r.running.Go(func() {
			proven, gone := r.logins.Came(logins.Of(conn, r.path))
			defer gone()
			if err := r.proxy.Attach(answered{conn, proven}); err != nil {
				r.logf("relay: %v", err)
			}
		})
	})
}

// answered is a stream that tells when the client is behind it: nobody gets a byte
// before a knock.
type answered struct {
	*net.UnixConn
	proven func()
}

// Write answers the client.
func (a answered) Write(b []byte) (int, error) {
	a.proven()
	return a.UnixConn.Write(b)
}

// close waits for the streams, which end with the proxy.
func (r *relayDoor) close() {
	r.listen.Close()
	r.proxy.Close()
	r.running.Wait()
}

// relaying is the command line of "tsshd relay".
type relaying struct {
	Socket  string `arg:""`
	Process string `arg:"" optional:"" name:"pid"`
}

// relay joins stdin and stdout to the socket of a session: the client's frames
// come through the channel of an ssh login.
func relay(to relaying) int {
	conn, err := new(net.Dialer).DialContext(context.Background(), "unix", to.Socket)
	switch {
	case err == nil:
	case errors.Is(err, syscall.ECONNREFUSED), to.Process != "" && detach.Ended(to.Process):
		return complain(terms.ExitGone, fmt.Errorf("the session has ended: %w", err))
	default: // the file may be gone from under a session that lives
		return complain(terms.ExitFailure, err)
	}
	if err := peer.Same(conn.(*net.UnixConn)); err != nil {
		return complain(terms.ExitFailure, err)
	}
	// The end of either direction is the end of the path; the process ends with it.
	ended := make(chan error, 2)
	go func() {
		_, err := io.Copy(conn, os.Stdin)
		ended <- err
	}()
	go func() {
		_, err := io.Copy(os.Stdout, conn)
		ended <- err
	}()
	if err := <-ended; err != nil {
		return complain(terms.ExitFailure, fmt.Errorf("relay: %w", err))
	}
	return terms.ExitOK
}
