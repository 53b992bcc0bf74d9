package channel

// baton is a lock to be held while a write waits for the network. Unlike a
// sync.Mutex it can be waited for in the fake time of testing/synctest.
type baton chan struct{}

func newBaton() baton { return make(baton, 1) }

func (b baton) take() { b <- struct{}{} }
func (b baton) pass() { <-b }

func (b baton) tryTake() bool {
	select {
	case b <- struct{}{}:
		return true
	default:
		return false
	}
}
