package channel

// Baton is a lock to be held while a write waits for the network. Unlike a
// sync.Mutex it can be waited for in the fake time of testing/synctest.
type Baton chan struct{}

// NewBaton returns one that nobody holds.
func NewBaton() Baton { return make(Baton, 1) }

// Take waits for b.
func (b Baton) Take() { b <- struct{}{} }

// Pass gives b to whoever waits for it.
func (b Baton) Pass() { <-b }

func (b Baton) tryTake() bool {
	select {
	case b <- struct{}{}:
		return true
	default:
		return false
	}
}
