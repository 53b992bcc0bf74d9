package forward

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tssh/client/config/endpoint"
)

// Command carries out a line of ~C: L, R or D and what follows them on the
// command line, or K before them to cancel. It returns what ssh says.
func (s *Set) Command(line string) string {
	line, cancel := strings.CutPrefix(line, "K")
	if line == "" {
		return "Invalid command."
	}
	kinds := map[byte]Kind{'L': Local, 'R': Remote, 'D': Dynamic}
	k, ok := kinds[line[0]]
	if !ok {
		return "Invalid command."
	}
	spec := strings.TrimSpace(line[1:])
	if cancel {
		return s.cancelSpec(k, spec)
	}
	f, err := endpoint.ParseForward(spec, k == Dynamic, k == Remote)
	if err != nil && k == Remote {
		f, err = endpoint.ParseForward(spec, true, true)
	}
	switch {
	case err != nil && k == Remote:
		return "Bad remote forwarding specification."
	case err != nil:
		return "Bad local forwarding specification."
	}
	if _, err := s.Add(context.Background(), k, f); err != nil {
		return "Port forwarding failed."
	}
	return "Forwarding port."
}

// cancelSpec cancels by where a forwarding listens, which is all that is typed.
func (s *Set) cancelSpec(k Kind, spec string) string {
	f, err := endpoint.ParseForward(spec, true, k == Remote)
	if err != nil {
		return "Bad forwarding close specification."
	}
	if s.Cancel(k, f) != nil {
		return "Unknown port forwarding."
	}
	return "Canceled forwarding."
}

// Lines describe the connections that are open, by their channel's number.
func (s *Set) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]int, 0, len(s.open))
	for id := range s.open {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	lines := make([]string, len(ids))
	for i, id := range ids {
		lines[i] = fmt.Sprintf("#%d %s", id, s.open[id])
	}
	return lines
}
