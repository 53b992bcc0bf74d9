package login

import (
	"fmt"
	"time"
)

// keepAlive asks the server for a sign of life when it has been silent for
// ServerAliveInterval, and ends the connection when it stays silent.
func (l *Login) keepAlive() {
	interval := l.host.ServerAliveInterval
	tick := time.NewTimer(interval)
	defer tick.Stop()
	asking := make(chan struct{}, 1) // holds one while a question is on its way
	missed := 0
	last := l.tr.Heard()
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
		}
		if heard := l.tr.Heard(); heard != last {
			last, missed = heard, 0
		}
		if silent := time.Since(last); silent < interval {
			tick.Reset(interval - silent)
			continue
		}
		if missed++; missed > l.host.ServerAliveCountMax {
			words := fmt.Sprintf("Timeout, server %s not responding.", l.host.HostName)
			l.finish(l.log(&Error{Words: words}))
			return
		}
		select {
		case asking <- struct{}{}:
			l.running.Go(func() {
				// Any answer, also a refusal, is a sign of life.
				l.Client.SendRequest("keepalive@openssh.com", true, nil)
				<-asking
			})
		default:
		}
		tick.Reset(interval)
	}
}
