package transport

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// keyOptions is what OpenSSH's server tells of the key that let the user in: a
// message for debugging, behind the end of the login and before the answer to
// the first channel. It is what a hostile server says of itself; all that depends
// on it is whether we ask that server for something that it would not do.
type keyOptions struct {
	first    chan struct{} // closed by the first message
	answered chan struct{} // closed by the answer to a channel, behind all messages

	mu     sync.Mutex // guards what follows
	forced bool       // in the last message
	over   bool       // answered is closed
	any    bool       // first is closed
}

func newKeyOptions() *keyOptions {
	return &keyOptions{first: make(chan struct{}), answered: make(chan struct{})}
}

// see looks at a packet on its way to others.
func (k *keyOptions) see(packet []byte) {
	switch {
	case packet[0] == msgConfirmation, packet[0] == msgOpenFailure:
		k.end()
	case packet[0] == msgDebug:
		var m struct {
			Always  bool `sshtype:"4"`
			Message string
			Lang    string
		}
		// As "/home/me/.ssh/authorized_keys:3: key options: command pty user-rc".
		if !bytes.Contains(packet, []byte("key options: ")) || ssh.Unmarshal(packet, &m) != nil {
			return
		}
		_, options, ok := strings.Cut(m.Message, ": key options: ")
		if !ok {
			return
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.forced = slices.Contains(strings.Fields(options), "command")
		if !k.any {
			k.any = true
			close(k.first)
		}
	}
}

// end says that nothing more will be told.
func (k *keyOptions) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over {
		k.over = true
		close(k.answered)
	}
}

// Forced reports whether the key that let the user in is bound to one command,
// as far as the server tells. It is to be asked when a channel was, whose answer
// is waited for at most; most often the server has told before.
func (c *Conn) Forced(ctx context.Context) bool {
	select {
	case <-c.options.first:
	case <-c.options.answered:
	case <-ctx.Done():
	}
	if !c.options.said() {
		return false
	}
	// Several keys may have been asked about, and the last one counts.
	select {
	case <-c.options.answered:
	case <-ctx.Done():
	}
	return c.options.said()
}

func (k *keyOptions) said() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.forced
}
