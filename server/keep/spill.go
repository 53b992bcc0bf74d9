package keep

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Spill keeps the output of programs without a terminal while their client is
// away: in files, up to a limit for all of them. Then, or when the disk takes no
// more, the programs wait. Nothing is ever left out.
type Spill struct {
	limit int64
	dir   string // "": where temporary files are
	logf  func(string, ...any)

	mu   sync.Mutex // guards what follows
	size int64      // of all files
}

// NewSpill returns a Spill of so many bytes at most. 0 keeps nothing.
func NewSpill(limit int64, logf func(string, ...any)) *Spill {
	return &Spill{limit: limit, logf: logf}
}

// grant tells whether n more bytes may be kept, which then count.
func (s *Spill) grant(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size+n > s.limit {
		return false
	}
	s.size += n
	return true
}

func (s *Spill) release(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size -= n
}

// create makes a file that nobody else can read, or find, unless the system can't
// remove an open one: then it has a name still. Not in memory, where that can be
// helped.
func (s *Spill) create() (f *os.File, name string, err error) {
	dirs := []string{s.dir}
	if s.dir == "" {
		dirs = []string{os.Getenv("TMPDIR"), "/var/tmp", os.TempDir()}
	}
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		if f, err = os.CreateTemp(dir, "tsshd-*"); err == nil { // mode 0600
			if os.Remove(f.Name()) != nil {
				name = f.Name()
			}
			return f, name, nil
		}
	}
	return nil, "", err
}

// ErrLost is the end of a channel whose output can't be read back.
var ErrLost = errors.New("what was kept of the output can't be read")

// Copy copies until src ends or dst, which leads to client, takes no more.
// It does not wait for a Read of src then.
func (s *Spill) Copy(dst io.Writer, src io.Reader, client Client) error {
	if s.limit == 0 {
		client = nil // then away makes no difference
	}
	c := &copying{spill: s, src: src}
	c.moved.L = &c.mu
	c.vigil = vigil{mu: &c.mu, client: client, changed: c.moved.Broadcast}
	go c.read()
	defer c.stop()
	for {
		b, err := c.next()
		if b == nil || err != nil {
			return err
		}
		if _, err := dst.Write(b); err != nil {
			return err
		}
	}
}

// copying is one Copy. What was read waits in three places, in this order:
//
//	src --> held --> file --> dst
//
// With nothing in the file, held goes to dst itself.
type copying struct {
	spill *Spill
	src   io.Reader

	mu    sync.Mutex // guards what follows
	moved sync.Cond
	vigil
	buf   []byte   // to read into
	lent  bool     // it is being written
	held  []byte   // was read, and is in no file: a part of buf
	busy  bool     // read is putting some of it into the file
	file  *os.File // nil: nothing is in it
	name  string   // that it still has; empty: none
	from  int64    // where what was not written begins
	to    int64    // and ends
	full  bool     // the file takes no more until it is empty
	ended bool     // src has
	out   []byte   // for what comes out of the file
}

// read takes what the program writes.
func (c *copying) read() {
	size := small
	for {
		b := c.ready(size)
		if b == nil {
			return
		}
		n, err := c.src.Read(b)
		switch {
		case n == len(b): // there is more than fits
			size = large
		case n < small/4: // it has calmed down
			size = small
		}
		if !c.put(b[:n], err != nil) {
			return
		}
	}
}

// ready waits until the program may write up to n bytes more, and returns where to
// read; nil: nobody wants them.
func (c *copying) ready(n int) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.over && !(c.held == nil && (!c.writing && c.file == nil || c.watch.away && !c.full && c.to+int64(n) <= c.spill.limit)) {
		c.moved.Wait()
	}
	if c.over {
		return nil
	}
	if c.lent || len(c.buf) != n {
		c.buf, c.lent = make([]byte, n), false
	}
	return c.buf
}

// put keeps b, in the file if the client is away, and reports whether there will be more.
func (c *copying) put(b []byte, ended bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.moved.Broadcast()
	c.ended = ended
	if len(b) > 0 {
		c.held = b
	}
	if c.held != nil && !c.over && !c.full && (c.file != nil || c.writing && c.watch.away) {
		c.store()
	}
	return !ended && !c.over
}

// store moves what is held into the file, as far as that takes it. It is called
// with mu, and lets go of it meanwhile.
func (c *copying) store() {
	if !c.spill.grant(int64(len(c.held))) {
		c.full = true
		return
	}
	if c.file == nil {
		f, name, err := c.spill.create()
		if err != nil {
			c.refuse(err, len(c.held))
			return
		}
		c.file, c.name, c.from, c.to = f, name, 0, 0
	}
	f, at, b := c.file, c.to, c.held
	c.busy = true
	c.mu.Unlock()
	n, err := f.WriteAt(b, at)
	c.mu.Lock()
	c.busy = false
	c.to += int64(n)
	if c.held = b[n:]; n == len(b) {
		c.held = nil
	}
	if err != nil {
		c.refuse(err, len(b)-n)
	}
}

// refuse notes that n bytes were not taken: the program waits until the client is
// back.
func (c *copying) refuse(err error, n int) {
	c.full = true
	c.spill.release(int64(n))
	c.spill.logf("keep output: %v; the program waits", err)
}

// next waits for what is to be written; nil: there is no more.
func (c *copying) next() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end()
	c.lent = false
	c.moved.Broadcast()
	for {
		switch {
		case c.busy: // how much is in the file will be known
		case c.file != nil && c.from < c.to:
			return c.load()
		case c.file != nil:
			c.drop()
			c.moved.Broadcast()
			continue
		case c.held != nil:
			b := c.held
			c.held, c.lent = nil, true
			c.begin()
			return b, nil
		case c.ended:
			return nil, nil
		}
		c.moved.Wait()
	}
}

// load reads from the file.
func (c *copying) load() ([]byte, error) {
	if c.out == nil {
		c.out = make([]byte, large)
	}
	b := c.out[:min(int64(large), c.to-c.from)]
	if n, err := c.file.ReadAt(b, c.from); n < len(b) {
		return nil, fmt.Errorf("%w: %v", ErrLost, err)
	}
	c.from += int64(len(b))
	c.begin()
	return b, nil
}

// drop gives the file back, which is empty.
func (c *copying) drop() {
	c.spill.release(c.to)
	c.file.Close()
	if c.name != "" {
		os.Remove(c.name)
	}
	c.file, c.from, c.to, c.full, c.out = nil, 0, 0, false, nil
}

// stop ends read, after the Read under way.
func (c *copying) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	for c.busy {
		c.moved.Wait()
	}
	if c.file != nil {
		c.drop()
	}
	c.moved.Broadcast()
}
