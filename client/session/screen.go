package session

import (
	"bytes"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tssh/notify"
	"tssh/notify/screen"
	"tssh/proxy/visible"
)

// comesBack is how many bytes of scrolled-off lines are kept: terminals show them
// again when they grow.
const comesBack = 32 << 10

// answerTime is how long the terminal has to tell where its cursor is.
const answerTime = 500 * time.Millisecond

// overlay shows a notice over the terminal's screen while there is no contact for
// long. Otherwise only its model of the screen runs. A nil overlay does nothing.
type overlay struct {
	run  *run
	stop chan struct{}
	done chan struct{}
	once sync.Once     // for close
	kick chan struct{} // the terminal answered, or was resized
	// listening says that what is typed matters here: a notice is shown or an answer
	// awaited. Else typing never waits for mu, which a slow terminal may hold.
	listening atomic.Bool

	mu       sync.Mutex // guards what follows, and the order of what is written
	out      io.Writer
	model    *screen.Screen
	notice   notify.Notice
	held     []byte    // the beginning of a sequence that is not complete
	asked    time.Time // when the terminal was asked for its cursor's place; zero: not
	partial  []byte    // what may be the beginning of its answer
	answered bool      // since the last change of what we know
	resized  bool      // and a notice may be anywhere now
	stained  bool      // resized under a notice at least once
}

func (r *run) newScreen() *overlay {
	if r.Contact == nil || !r.TTY || r.Terminal == nil || !r.Screen {
		return nil
	}
	size := r.Terminal.Size()
	if size.Cols == 0 || size.Rows == 0 {
		return nil
	}
	at := notify.Cursor
	if r.host.ShowNotificationOnTop {
		at = notify.Top
	}
	model := screen.New(size.Cols, size.Rows, screen.Config{Bytes: !isUTF8(), Unknown: true, History: comesBack})
	s := &overlay{
		run: r, out: r.Stdout, stop: make(chan struct{}), done: make(chan struct{}), kick: make(chan struct{}, 1),
		model: model, notice: notify.Notice{Screen: model, At: at, Full: r.host.ShowFullNotifications},
	}
	go func() {
		defer close(s.done)
		defer r.guard()
		s.watch()
	}()
	return s
}

// isUTF8 tells whether the terminal takes UTF-8, as all do whose locale names
// no other character set.
func isUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			_, set, named := strings.Cut(v, ".")
			set = strings.ToLower(set)
			return !named || strings.HasPrefix(set, "utf-8") || strings.HasPrefix(set, "utf8")
		}
	}
	return true
}

// Write passes on what the far side writes. It holds the beginning of a sequence until
// its end arrives, so that a notice never gets between. A terminal waits for the end,
// too.
func (s *overlay) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.hideLocked(); err != nil {
		return 0, err
	}
	n := len(p)
	held := s.model.Feed(p)
	if len(s.held) > 0 {
		p = append(s.held, p...)
	}
	ready := p[:len(p)-min(held, len(p))]
	s.held = bytes.Clone(p[len(ready):])
	if len(ready) == 0 {
		return n, nil
	}
	_, err := s.out.Write(ready)
	return n, err
}

// print writes text of ours.
func (s *overlay) print(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hideLocked()
	s.model.Inject(text)
	s.out.Write(text)
}

func (s *overlay) hideLocked() error {
	if b := s.notice.Clear(); b != nil {
		_, err := s.out.Write(b)
		return err
	}
	return nil
}

// watch shows the notice while contact is lost, and takes it away.
func (s *overlay) watch() {
	tick := time.NewTimer(time.Hour)
	defer tick.Stop()
	for {
		wait := s.update(time.Now())
		if wait == 0 {
			tick.Stop()
		} else {
			tick.Reset(wait)
		}
		select {
		case <-s.stop:
			return
		case <-s.run.Contact.Changed:
		case <-s.kick:
		case <-tick.C:
		}
	}
}

// update shows, changes or removes the notice, and returns when to look again (0:
// when something changes).
func (s *overlay) update(now time.Time) time.Duration {
	st := s.run.Contact.State()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resized && !s.model.Open() {
		if wait := s.askLocked(now); wait > 0 {
			return wait
		}
		s.repaintLocked()
	}
	if st.Online || st.Lost.IsZero() {
		s.hideLocked()
		s.answered = false
		s.listening.Store(len(s.partial) > 0)
		return 0
	}
	if early := st.Lost.Add(s.run.host.UdpReconnectTimeout).Sub(now); early > 0 {
		return early
	}
	if s.model.Open() {
		return time.Second // a picture, or tmux's control mode
	}
	if wait := s.askLocked(now); wait > 0 {
		return wait
	}
	s.listening.Store(true)
	s.out.Write(s.notice.Draw(notify.Status{
		Host: s.run.host.HostName, Lost: st.Lost, Heard: st.Heard, Trying: st.Trying, Key: s.run.exitKey(), Goes: visible.Line(s.run.Name),
	}, now))
	return time.Second - now.Sub(st.Lost)%time.Second
}

// askLocked asks the terminal where its cursor is, once after each change by which the
// model may be wrong, and returns how long to wait for the answer. A terminal that
// does not answer is not asked again.
func (s *overlay) askLocked(now time.Time) time.Duration {
	if s.answered {
		return 0
	}
	if s.asked.IsZero() {
		s.asked = now
		s.listening.Store(true)
		s.model.Asked()
		s.out.Write([]byte(screen.Query))
	}
	if wait := s.asked.Add(answerTime).Sub(now); wait > 0 {
		return wait
	}
	s.asked, s.answered = time.Time{}, true
	s.run.keys.put(s.partial)
	s.partial = nil
	return 0
}

// repaintLocked removes what a resize made of a notice.
func (s *overlay) repaintLocked() {
	if s.resized {
		s.resized = false
		s.out.Write(s.notice.Repaint())
	}
}

// resize follows the terminal.
func (s *overlay) resize() {
	if s == nil {
		return
	}
	size := s.run.Terminal.Size()
	s.mu.Lock()
	// A terminal that shrinks may keep the notice in what scrolled off, and show
	// it again when it grows.
	s.stained = s.stained || s.notice.Shown()
	s.resized = s.stained
	s.model.Resize(size.Cols, size.Rows, s.resized)
	s.answered, s.asked = false, time.Time{}
	s.mu.Unlock()
	s.wake()
}

func (s *overlay) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// typed takes the terminal's answer out of what is typed.
func (s *overlay) typed(p []byte) []byte {
	if s == nil || !s.listening.Load() {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p = append(s.partial, p...)
	s.partial = nil
	for i := 0; !s.asked.IsZero() && i < len(p); i++ {
		x, y, n, ok := notify.Answer(p[i:])
		switch {
		case ok:
			s.asked, s.answered = time.Time{}, s.model.At(x, y)
			s.wake()
			return append(bytes.Clone(p[:i]), p[i+n:]...)
		case n > 0: // may become one
			s.partial = bytes.Clone(p[i:])
			return p[:i]
		}
	}
	return p
}

// givesUp tells whether the key that leaves is among what was typed.
func (s *overlay) givesUp(p []byte) bool {
	if s == nil || !s.listening.Load() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.run.host.UdpReconnectExitKey
	return s.notice.Shown() && key >= 0 && bytes.IndexByte(p, byte(key)) >= 0
}

// midLine tells whether there is text before the cursor, which the next message would
// seem to belong to.
func (s *overlay) midLine() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x, _ := s.model.Cursor()
	return x > 0 && !s.model.Alternate()
}

// abandon makes the terminal usable again after a program that continues without us.
func (s *overlay) abandon() {
	if s == nil {
		return
	}
	s.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.model.Open() {
		s.out.Write(s.notice.Leave())
	}
}

// close takes the notice away and writes what was held. It may be called twice, and from anywhere.
func (s *overlay) close() {
	if s == nil {
		return
	}
	s.once.Do(func() {
		close(s.stop)
		<-s.done
		s.mu.Lock()
		defer s.mu.Unlock()
		s.repaintLocked()
		s.hideLocked()
		s.out.Write(s.held)
		s.held = nil
	})
}
