package demo

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	size   = 32 << 20 // bytes of the transfer
	outage = 2 * time.Second
)

// Transfer sends random bytes to a cat on c's far side and back, cuts the network
// in the middle, and compares.
func Transfer(c *ssh.Client, cut func(on bool)) error {
	s, err := c.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	in, err := s.StdinPipe()
	if err != nil {
		return err
	}
	back := sha256.New()
	half := &trigger{at: size / 2, reached: make(chan struct{})}
	s.Stdout = io.MultiWriter(back, half)
	if err := s.Start("cat"); err != nil {
		return err
	}
	fmt.Printf("now %d MiB go through cat on the far side and back\n", size>>20)
	sent := make(chan result, 1)
	go func() {
		sum := sha256.New()
		_, err := io.CopyN(io.MultiWriter(in, sum), rand.Reader, size)
		sent <- result{sum, errors.Join(err, in.Close())}
	}()
	ended := make(chan error, 1)
	go func() { ended <- s.Wait() }()
	select {
	case <-half.reached:
	case err := <-ended: // before the middle
		s.Close() // for who still sends
		return errors.Join((<-sent).err, err, errShort)
	}
	cut(true)
	fmt.Printf("half way: the network is cut for %v\n", outage)
	<-time.After(outage)
	start := time.Now()
	cut(false)
	there := <-sent
	if err := errors.Join(there.err, <-ended); err != nil {
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

var errShort = errors.New("the far side ended before half of it was back")

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

// Switch returns what cuts the network, and restores it the next time, and says so.
func Switch(cut func(on bool)) func() string {
	on := false
	return func() string {
		on = !on
		if cut(on); on {
			return "the network is cut; Enter and ~! again restores it"
		}
		return "the network is back"
	}
}
