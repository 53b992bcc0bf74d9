package roam

import (
	"net/netip"
	"os"
	"time"

	"tssh/client/status"
)

// report is how the session is.
func (s *Session) report() status.Report {
	p := s.proxy.State()
	return status.Report{
		PID: os.Getpid(), Host: s.cfg.HostName, User: s.cfg.User, Session: s.Name(), Transport: string(s.cfg.Transport),
		Path: p.Kind, Local: address(p.Local), Remote: address(p.Remote),
		Online: p.Online, Lost: p.Lost, Trying: p.Trying,
		RTT: p.RTT.Seconds(), Loss: p.Loss, Sent: p.Sent, Received: p.Received,
		Opened: s.since, PathSince: p.Since,
	}
}

// address is "" for one that is not known, as behind ssh's own connection.
func address(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// Status are the lines of ~s.
func (s *Session) Status() []string { return s.report().Lines(time.Now()) }
