package sshconn

import "sync"

// refusals answers requests that are all refused. The goroutine that reads must
// not write, and one for each request would be a goroutine a frame for a peer
// that asks and does not read: so they are counted, and one goroutine writes
// them while there are any.
type refusals struct {
	send func() error

	mu      sync.Mutex // guards what follows
	owed    int
	running chan struct{} // closed when nothing is owed; nil: nobody writes
}

func (r *refusals) add() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.owed++
	if r.running == nil {
		r.running = make(chan struct{})
		go r.run(r.running)
	}
}

func (r *refusals) run(done chan struct{}) {
	defer close(done)
	for {
		r.mu.Lock()
		if r.owed == 0 {
			r.running = nil
			r.mu.Unlock()
			return
		}
		r.owed--
		r.mu.Unlock()
		if r.send() != nil {
			r.mu.Lock()
			r.owed = 0 // nobody hears the others
			r.mu.Unlock()
		}
	}
}

// wait returns when nothing is owed, after the last add.
func (r *refusals) wait() {
	r.mu.Lock()
	running := r.running
	r.mu.Unlock()
	if running != nil {
		<-running
	}
}
