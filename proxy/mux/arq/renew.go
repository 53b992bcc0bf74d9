package arq

import "time"

// Renew takes part in the renewal of keys; whoever has a channel to the other
// end, over this stream, calls it: with nil, for the client to send the first
// half, and with what the other end sent. What is to be sent goes to send.
func (c *Conn) Renew(body []byte, send func([]byte)) error {
	if body != nil {
		answer, err := c.meet(body)
		if err != nil {
			return err
		}
		if answer != nil {
			send(answer)
		}
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err // the keys are forgotten, and Close waits for all that runs
	}
	if c.keys.client {
		c.running.Go(func() { c.renewals(send) })
	}
	return nil
}

func (c *Conn) meet(body []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	return c.keys.meet(body)
}

func (c *Conn) forgetOld() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keys.expire(time.Now())
}

// renewals asks for new keys when they are due. An idle connection has nothing
// to protect and is not woken: it looks when it has moved.
func (c *Conn) renewals(send func([]byte)) {
	for {
		c.mu.Lock()
		var half []byte
		if c.err == nil && c.keys.due(time.Now()) {
			half, _ = c.keys.ask()
		}
		c.mu.Unlock()
		if half != nil {
			send(half)
		}
		select {
		case <-c.due:
		case <-c.closed:
			return
		}
	}
}
