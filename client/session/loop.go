package session

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/voice"
)

// settle is how long the end of a channel waits to hear whether the connection
// ended.
const settle = time.Second

// counter counts bytes for the line that -v shows at the end.
type counter struct{ n atomic.Int64 }

func (c *counter) add(n int) { c.n.Add(int64(n)) }

// session runs an open channel to its end.
func (r *run) session(ctx context.Context, reqs <-chan *ssh.Request, signals <-chan os.Signal) int {
	end := make(chan ended, 1)
	go func() { defer r.guard(); end <- r.serve(reqs) }()

	resized, stop := r.watchSize()
	defer stop()
	if r.screen = r.newScreen(); r.screen == nil {
		quiet := make(chan struct{})
		defer close(quiet)
		go r.logContact(quiet)
	}
	defer r.screen.close()

	sent := make(chan struct{})
	begun := make(chan bool, 1)
	go func() { defer r.guard(); begun <- r.begin(sent) }()
	go func() { defer r.guard(); <-sent; r.input() }()
	var output sync.WaitGroup
	output.Go(func() { defer r.guard(); r.output() })
	output.Go(func() { defer r.guard(); r.errors() })

	for {
		select {
		case e := <-end:
			output.Wait()
			return r.finish(ctx, e, signals)
		case ok := <-begun:
			if !ok && r.denied {
				return r.finishUnstarted(end)
			}
			if !ok {
				continue // what runs unanswered is told by the channel's end
			}
			if r.Started != nil {
				r.Started()
			}
		case s := <-signals:
			if isHangup(s) { // the window was closed, or the machine goes down: nobody has ended the session
				r.leaveAll()
			}
			r.part()
			r.screen.abandon()
			r.restore()
			return r.killed(s)
		case <-r.quit:
			r.part()
			r.screen.abandon()
			if r.detached.Load() {
				return r.close(0)
			}
			r.stays()
			return r.close(exitLost)
		case <-ctx.Done():
			r.screen.abandon()
			return r.close(exitLost)
		case <-resized:
			r.windowChange()
			r.screen.resize()
		}
	}
}

// finish is the ordinary end: the channel is closed and all output is written.
func (r *run) finish(ctx context.Context, e ended, signals <-chan os.Signal) int {
	exit := exitLost
	if why := r.cut(); why != nil {
		return r.broken(why) // the status came, but not all of the output
	}
	if e.known {
		exit = e.status
	} else if e.signal == "" && !r.closed() {
		// Neither: most likely the connection ended, and we hear of it in a moment.
		t := time.NewTimer(settle)
		defer t.Stop()
		select {
		case why := <-r.lost:
			return r.broken(why)
		case <-t.C:
		}
	}
	r.restore()
	if r.linger(ctx, signals) {
		return exitLost
	}
	return r.close(exit)
}

// closed tells whether the far side has closed the channel. All that it sent has
// arrived then, whatever becomes of the connection.
func (r *run) closed() bool {
	c, ok := r.ch.(interface{ Closed() bool })
	return ok && c.Closed()
}

// cut returns why the connection ended, if it did before the far side closed
// the channel.
func (r *run) cut() error {
	client, ok := r.conn.(*ssh.Client)
	if !ok {
		return nil
	}
	c, ok := client.Conn.(interface{ Err() error })
	if !ok || r.closed() {
		return nil
	}
	return c.Err()
}

// finishUnstarted is the end when the far side would not run the command, which begin
// has printed. It closes the channel, and waits a moment for the far side's close or
// the connection's end. ssh prints no last line then.
func (r *run) finishUnstarted(end <-chan ended) int {
	r.ch.Close()
	t := time.NewTimer(settle)
	defer t.Stop()
	select {
	case why := <-r.lost:
		return r.broken(why)
	case <-end:
	case <-t.C:
	}
	r.screen.close()
	r.restore()
	return exitLost
}

// linger waits, as ssh does, for the connections that are still forwarded. It
// returns true when a signal ended that.
func (r *run) linger(ctx context.Context, signals <-chan os.Signal) bool {
	if r.Forwards == nil {
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	idle := make(chan struct{})
	go func() { defer close(idle); r.Forwards.Wait(ctx) }()
	select {
	case <-idle:
	case <-r.lost:
	case s := <-signals:
		r.killed(s)
		return true
	}
	return false
}

// broken is the end of a session with its connection. After an error that ssh logs
// as fatal, nothing else is printed.
func (r *run) broken(why error) int {
	if r.parted() != "" {
		return r.close(exitLost)
	}
	r.screen.abandon()
	words := r.lostWords(why)
	if words == "" {
		r.restore()
		return exitLost
	}
	r.tell(words)
	return r.close(exitLost)
}

// close prints ssh's last lines.
func (r *run) close(exit int) int {
	r.part()
	r.screen.close()
	r.restore()
	if r.TTY && r.Guest == nil && r.level() >= voice.Info {
		r.tell("Connection to " + r.host.HostName + " closed.")
	}
	sent, received := r.sent.n.Load(), r.received.n.Load()
	took := time.Since(r.start).Seconds()
	r.Log.Verbosef("Transferred: sent %d, received %d bytes, in %.1f seconds", sent, received, took)
	if took > 0 {
		r.Log.Verbosef("Bytes per second: sent %.1f, received %.1f", float64(sent)/took, float64(received)/took)
	}
	r.Log.Debugf("Exit status %d", exit)
	return exit
}

func (r *run) restore() {
	if r.Terminal != nil {
		r.Terminal.Restore()
	}
}

func (r *run) guard() {
	if r.Terminal != nil {
		r.Terminal.Guard()
	}
}

// level is LogLevel as it is now.
func (r *run) level() voice.Level {
	if r.Verbose != nil {
		return r.Verbose(0)
	}
	l, _ := voice.ParseLevel(r.host.LogLevel)
	return l
}

func (r *run) watchSize() (<-chan os.Signal, func()) {
	if !r.TTY || r.Terminal == nil {
		return nil, func() {}
	}
	return r.Terminal.Resized()
}

// output copies the far side's output. When it can't be written any more (the reader
// of a pipe is gone), the far side is told, so that its command ends by a broken pipe
// too. The rest is dropped.
func (r *run) output() {
	w := r.Stdout
	if r.screen != nil {
		w = r.screen
	}
	if err := r.copyOut(w, r.ch); err != nil {
		r.Log.Debug2f("channel 0: write stdout: %v", err)
		r.ch.SendRequest("eow@openssh.com", false, nil)
		r.copyOut(io.Discard, r.ch)
	}
}

func (r *run) errors() {
	if err := r.copyOut(r.Stderr, r.ch.Stderr()); err != nil {
		r.copyOut(io.Discard, r.ch.Stderr())
	}
}

// copyOut copies until the channel ends, and returns only errors of writing.
func (r *run) copyOut(w io.Writer, from io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			r.received.add(n)
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
		}
		if err != nil {
			return nil
		}
	}
}

// input copies what is typed or piped in, until it or the session ends.
func (r *run) input() {
	if r.Stdin == nil || r.host.StdinNull && r.Guest == nil {
		close(r.keys.done)
		r.ch.CloseWrite()
		return
	}
	if r.TTY {
		r.typed()
		return
	}
	buf := make([]byte, 32<<10)
	for !r.deaf.Load() {
		n, err := r.Stdin.Read(buf)
		if n > 0 {
			r.sent.add(n)
			if _, werr := r.ch.Write(buf[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.Log.Debug2f("channel 0: read stdin: %v", err)
			}
			r.ch.CloseWrite()
			return
		}
	}
}

// noMoreInput is told by the far side when its command reads no more.
func (r *run) noMoreInput() { r.deaf.Store(true) }
