package registry

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tssh/proxy/visible"
)

// ErrNone is wrapped by the errors about a session that is not there.
var ErrNone = errors.New("no such session")

// SeveralError is why none is chosen: more than one could be meant.
type SeveralError struct{ All []Entry }

func (e *SeveralError) Error() string {
	return fmt.Sprintf("there are %d sessions: %s; name one by --attach=name", len(e.All), names(e.All))
}

// Named finds the session that is called name; its tsshd's process number is a name
// too, as two may have come to have one name. One that has ended leaves its name to
// others.
func Named(all []Entry, name string) (Entry, error) {
	named := slices.DeleteFunc(slices.Clone(all), func(e Entry) bool { return e.Name != name || e.Release == "" })
	named = alive(named)
	if len(named) == 0 {
		named = slices.DeleteFunc(slices.Clone(all), func(e Entry) bool { return strconv.Itoa(e.PID) != name })
	}
	switch {
	case len(all) == 0:
		return Entry{}, fmt.Errorf("%w as %q: there is none", ErrNone, name)
	case len(named) == 0:
		return Entry{}, fmt.Errorf("%w as %q; there is %s", ErrNone, name, names(all))
	case len(named) > 1:
		return Entry{}, fmt.Errorf("%d sessions are called %q; they are told apart by their processes: %s", len(named), name, numbers(named))
	}
	return named[0], nil
}

// alive are those in which something runs, or all where that is none.
func alive(all []Entry) []Entry {
	if some := slices.DeleteFunc(slices.Clone(all), func(e Entry) bool { return e.Over() }); len(some) > 0 {
		return some
	}
	return all
}

// Wanted finds the session to be attached, and which of its terminals, from 1; 0:
// any. Without a name it is the only one that could be; waiting says that one with a
// client is not meant then, and none that has ended in any case.
func Wanted(all []Entry, name string, waiting bool) (e Entry, terminal int, err error) {
	if name != "" {
		e, err = Named(all, name)
		if i := strings.LastIndexByte(name, '/'); errors.Is(err, ErrNone) && i >= 0 { // as the list calls a terminal
			if n, bad := strconv.Atoi(name[i+1:]); bad == nil && n > 0 {
				if e, bad := Named(all, name[:i]); bad == nil {
					return e, n, nil
				}
			}
		}
		if err == nil && waiting && e.Over() { // who logs in wants to work
			return e, 0, unwanted([]Entry{e})
		}
		return e, 0, err
	}
	could := slices.DeleteFunc(slices.Clone(all), func(e Entry) bool { return len(e.Terminals) == 0 })
	if waiting && len(could) > 0 {
		of := could
		could = slices.DeleteFunc(slices.Clone(of), func(e Entry) bool { return e.Here || e.Over() })
		if len(could) == 0 {
			return e, 0, unwanted(of)
		}
	}
	could = alive(could)
	switch {
	case len(could) == 1:
		return could[0], 0, nil
	case len(could) > 1:
		return e, 0, &SeveralError{could}
	case len(all) == 0:
		return e, 0, fmt.Errorf("%w: there is none", ErrNone)
	}
	return e, 0, fmt.Errorf("%w: %s can't be attached", ErrNone, names(all))
}

// unwanted says why none of these is gone back to by a login that would.
func unwanted(all []Entry) error {
	var why []string
	for i, s := range Sessions(all) {
		if all[i].Over() {
			why = append(why, fmt.Sprintf("%s has ended (tssh --attach=%d shows its last words)", s.Name, s.PID))
		} else {
			why = append(why, fmt.Sprintf("%s has its client, last heard %v ago (tssh --attach=%s takes it over)",
				s.Name, max(time.Since(s.Heard), 0).Round(time.Second), visible.Word(s.Name)))
		}
	}
	return errors.New(strings.Join(why, "; "))
}

// names lists sessions in an error.
func names(all []Entry) string {
	var list []string
	for _, s := range Sessions(all) {
		if s.Release == "" {
			list = append(list, "process "+strconv.Itoa(s.PID))
			continue
		}
		list = append(list, visible.Word(s.Name))
	}
	return strings.Join(list, ", ")
}

func numbers(all []Entry) string {
	var list []string
	for _, e := range all {
		list = append(list, strconv.Itoa(e.PID))
	}
	return strings.Join(list, ", ")
}
