package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"tssh/proxy/roster"
	"tssh/proxy/wire"
	"tssh/server/policy"
	"tssh/server/registry"
	"tssh/server/session"
)

// ask does what an offer asks for besides a new session. answered is false where
// it is to be a new one after all.
//
// Who has logged in is the user whose sessions these are. But a login that sshd
// binds to one command is to run that and nothing else: it learns nothing of what
// the user's other logins run, and reaches none of it.
func ask(o wire.Offer, login session.Login, p *policy.Policy) (answered bool, status int) {
	if p.Forced() != "" {
		if o.Ask == wire.Join {
			return false, 0
		}
		return true, refuse(errors.New("this login is bound to one command, and has no part in other sessions"))
	}
	all := registry.List()
	switch o.Ask {
	case wire.List:
		return true, reply(wire.Answer{Sessions: registry.Sessions(all)})
	case wire.End:
		e, err := choose(all, o.Name)
		if err != nil {
			return true, refuse(err)
		}
		return true, endOf(e, cameAs(login.User, login.Env))
	}
	return attach(all, o, p)
}

// attach has the session that an offer means give this login a seat.
func attach(all []registry.Entry, o wire.Offer, p *policy.Policy) (answered bool, status int) {
	join := o.Ask == wire.Join
	if !p.TTY {
		if join {
			return false, 0
		}
		return true, refuse(errNotPermitted)
	}
	e, terminal, err := wanted(all, o)
	var several *severalError
	switch {
	case err != nil && join && (errors.Is(err, errNoSession) || errors.As(err, &several)):
		return false, 0
	case errors.As(err, &several):
		return true, reply(wire.Answer{Refusal: err.Error(), Sessions: registry.Sessions(several.all), Choose: true})
	case err != nil:
		return true, refuse(err)
	}
	c := coming(o)
	c.Terminal = terminal
	greeting, err := askSeat(e, c)
	if err != nil {
		c.leave()
		return true, refuse(fmt.Errorf("attach session %s: %w", e.Name, err))
	}
	_, err = os.Stdout.WriteString(greeting)
	return true, printed(err)
}

func askSeat(e registry.Entry, c newcomer) (greeting string, err error) {
	if e.Release == "" {
		return "", fmt.Errorf("process %d is of an older release, which can't be attached; kill %d ends it", e.PID, e.PID)
	}
	brings, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	a, err := e.Ask(context.Background(), registry.Request{Ask: "attach", Release: wire.Release, Attach: brings})
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	return a.Greeting, err
}

// wanted finds the session that an offer means, and which of its terminals, from 1;
// 0: any.
func wanted(all []registry.Entry, o wire.Offer) (e registry.Entry, terminal int, err error) {
	if o.Name != "" {
		if e, err = choose(all, o.Name); err == nil || !errors.Is(err, errNoSession) {
			return e, 0, err
		}
		if name, number, ok := cutLast(o.Name, "/"); ok { // as the list calls them
			if n, bad := strconv.Atoi(number); bad == nil && n > 0 {
				if e, bad := choose(all, name); bad == nil {
					return e, n, nil
				}
			}
		}
		return e, 0, err
	}
	could := slices.DeleteFunc(slices.Clone(all), func(e registry.Entry) bool {
		return len(e.Terminals) == 0 || o.Ask == wire.Join && e.Here
	})
	switch {
	case len(could) == 1:
		return could[0], 0, nil
	case len(could) > 1:
		return e, 0, &severalError{could}
	case len(all) == 0:
		return e, 0, fmt.Errorf("%w: there is none", errNoSession)
	}
	return e, 0, fmt.Errorf("%w: %s can't be attached", errNoSession, names(all))
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// severalError is for a question that several sessions answer.
type severalError struct{ all []registry.Entry }

func (e *severalError) Error() string {
	return fmt.Sprintf("there are %d sessions: %s; name one by --attach=name", len(e.all), names(e.all))
}

var errNoSession = errors.New("no such session")

// reply tells a client what it asked for, which was no session.
func reply(a wire.Answer) int {
	_, err := os.Stdout.WriteString(wire.Greeting{Release: wire.Release, Answer: &a}.Line())
	return printed(err)
}

func refuse(err error) int { return reply(wire.Answer{Refusal: err.Error()}) }

// choose finds the session that is called name; its tsshd's process number is a
// name too, as two may have come to have one name.
func choose(all []registry.Entry, name string) (registry.Entry, error) {
	named := slices.DeleteFunc(slices.Clone(all), func(e registry.Entry) bool { return e.Name != name || e.Release == "" })
	if len(named) == 0 {
		named = slices.DeleteFunc(slices.Clone(all), func(e registry.Entry) bool { return strconv.Itoa(e.PID) != name })
	}
	switch {
	case len(all) == 0:
		return registry.Entry{}, fmt.Errorf("%w as %q: there is none", errNoSession, name)
	case len(named) == 0:
		return registry.Entry{}, fmt.Errorf("%w as %q; there is %s", errNoSession, name, names(all))
	case len(named) > 1:
		return registry.Entry{}, fmt.Errorf("%d sessions are called %q; they are told apart by their processes: %s", len(named), name, numbers(named))
	}
	return named[0], nil
}

// names lists sessions in an error.
func names(all []registry.Entry) string {
	var list []string
	for _, s := range registry.Sessions(all) {
		if s.Release == "" {
			s.Name = "process " + strconv.Itoa(s.PID)
		}
		list = append(list, s.Name)
	}
	return strings.Join(list, ", ")
}

func numbers(all []registry.Entry) string {
	var list []string
	for _, e := range all {
		list = append(list, strconv.Itoa(e.PID))
	}
	return strings.Join(list, ", ")
}

// endOf ends a session of this user's.
func endOf(e registry.Entry, by string) int {
	if e.Release == "" { // it has no door
		return refuse(fmt.Errorf("process %d is a session of an older release; kill %d ends it", e.PID, e.PID))
	}
	a, err := e.Ask(context.Background(), registry.Request{Ask: "end", Release: wire.Release, By: by})
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	if err != nil {
		return refuse(fmt.Errorf("end session %s: %w", e.Name, err))
	}
	return reply(wire.Answer{Sessions: []roster.Session{a.Session}})
}
