package login

import (
	"fmt"
	"sync"

	"tssh/client/config"
	"tssh/client/hostkey"
)

// pins are the hosts that a login trusted: its own, and those on the way, each
// in its place. Logins that are made again share them.
type pins struct {
	mu sync.Mutex // guards what follows
	of map[string]*hostkey.Pin
}

// place tells a host on the way from others; depth is 0 for the last one.
func place(depth int, h *config.Host) string {
	return fmt.Sprintf("%d %s %d", depth, h.HostName, h.Port)
}

// get returns nil for a host that was not met yet.
func (p *pins) get(depth int, h *config.Host) *hostkey.Pin {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of[place(depth, h)]
}

func (p *pins) set(depth int, h *config.Host, pin *hostkey.Pin) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[string]*hostkey.Pin{}
	}
	p.of[place(depth, h)] = pin
}
