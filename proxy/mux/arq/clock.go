package arq

import "time"

// work makes the clock look after KCP.
func (c *Conn) work() {
	c.dirty = true
	token(c.wake)
}

// runClock updates KCP while it has work, and sleeps else. Without an answer
// it grows slow: whoever is offline for hours shall not pay for it.
func (c *Conn) runClock() {
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-c.closed:
			return
		}
		c.mu.Lock()
		c.dirty = false
		c.kcp.Update()
		busy := c.dirty || c.kcp.WaitSnd() > 0
		silence := time.Since(c.last)
		c.mu.Unlock()
		if !busy {
			select {
			case <-c.wake:
			case <-c.closed:
				return
			}
		}
		timer.Reset(min(max(tick, silence/50), slowTick))
	}
}

// Returned tells that contact came back. KCP would wait for timers that grew to
// a minute: so the window opens a little, and the acknowledgements of what goes
// through show that all before it is lost.
func (c *Conn) Returned() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || c.kcp.WaitSnd() == 0 {
		return
	}
	c.last = time.Now() // the clock runs fast again
	c.resumed = c.last
	c.kicked = min(c.kicked+kickSegments, receiveWindow-mostSegments)
	c.setWindow()
	for range 3 {
		c.send(kindKick, nil)
	}
	c.kcp.Update()
	// The clock may sleep for a second; let it look now and then soon again.
	c.running.Go(c.hurry)
}

// hurry updates KCP until the kick had time to work.
func (c *Conn) hurry() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for range int(slowTick / tick) {
		select {
		case <-t.C:
		case <-c.closed:
			return
		}
		c.mu.Lock()
		c.kcp.Update()
		if c.kcp.WaitSnd() == 0 {
			c.kicked = 0
			c.setWindow()
		}
		c.mu.Unlock()
	}
}
