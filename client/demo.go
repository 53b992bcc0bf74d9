package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"time"

	"tssh/client/cli"
	"tssh/client/demo"
	"tssh/client/session"
	"tssh/client/tty"
)

const demoKeys = "tssh: Enter ~! cuts the network and restores it, ~s tells how it is, exit ends\n"

// runDemo shows on this machine alone what tssh is for: with a terminal a shell
// to play with, otherwise a transfer through a network that is cut meanwhile.
func runDemo(ctx context.Context) int {
	v := newInvocation(&cli.Command{Destination: demo.Host})
	if err := v.demo(ctx); err != nil {
		var end exitStatus
		if errors.As(err, &end) {
			return int(end)
		}
		v.log.Errorf("tssh: demo: %v", err)
		return exitError
	}
	return 0
}

// exitStatus ends the demo with its shell's status.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func (v *invocation) demo(ctx context.Context) error {
	var err error
	if v.sink, err = newSink("", 0); err != nil {
		return err
	}
	v.log = v.sink.log
	program, err := os.Executable()
	if err != nil {
		return err
	}
	server, err := demo.Start(ctx, program)
	if err != nil {
		return err
	}
	defer server.Close()
	v.cmd.ConfigFile = server.Config()
	if err := v.configure(); err != nil {
		return err
	}
	l, err := v.dial(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	if l.roam == nil {
		return errors.New("the session stayed on ssh's connection")
	}
	fmt.Printf("tssh: logged in to this machine, started tsshd there, moved to %s over %s\n",
		strings.ToUpper(v.host.UdpMode), l.roam.proxy.State().Kind)
	if tty.IsTerminal(os.Stdin) && tty.IsTerminal(os.Stdout) {
		fmt.Print(demoKeys)
		l.roam.toy = true
		if code := v.serve(ctx, l, session.TTY(v.host, "", true, v.log)); code != 0 {
			return exitStatus(code)
		}
		return nil
	}
	return l.transfer()
}

const (
	demoSize = 32 << 20 // bytes of the transfer
	demoCut  = 2 * time.Second
)

// transfer sends random bytes to a cat on the far side and back, cuts the
// network in the middle, and compares.
func (l *link) transfer() error {
	s, err := l.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	in, err := s.StdinPipe()
	if err != nil {
		return err
	}
	back := sha256.New()
	half := &trigger{at: demoSize / 2, reached: make(chan struct{})}
	s.Stdout = io.MultiWriter(back, half)
	if err := s.Start("cat"); err != nil {
		return err
	}
	fmt.Printf("now %d MiB go through cat on the far side and back\n", demoSize>>20)
	sent := make(chan result, 1)
	go func() {
		sum := sha256.New()
		_, err := io.CopyN(io.MultiWriter(in, sum), rand.Reader, demoSize)
		sent <- result{sum, errors.Join(err, in.Close())}
	}()
	<-half.reached
	l.roam.proxy.Cut(true)
	fmt.Printf("half way: the network is cut for %v\n", demoCut)
	<-time.After(demoCut)
	start := time.Now()
	l.roam.proxy.Cut(false)
	there := <-sent
	if err := errors.Join(there.err, s.Wait()); err != nil {
		return err
	}
	fmt.Printf("restored; the rest took %v\n", time.Since(start).Round(time.Millisecond))
	fmt.Printf("sent     %x\nreceived %x\n", there.sum.Sum(nil), back.Sum(nil))
	if string(there.sum.Sum(nil)) != string(back.Sum(nil)) {
		return errors.New("the checksums differ")
	}
	fmt.Println("not a byte was lost or changed")
	return nil
}

type result struct {
	sum hash.Hash
	err error
}

// trigger closes reached when that many bytes were written.
type trigger struct {
	at      int64
	reached chan struct{}
}

func (t *trigger) Write(p []byte) (int, error) {
	if t.at > 0 && t.at <= int64(len(p)) {
		close(t.reached)
	}
	t.at -= int64(len(p))
	return len(p), nil
}
