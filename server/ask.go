package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"tssh/proxy/terms"
	"tssh/server/policy"
	"tssh/server/registry"
	"tssh/server/session"
)

// ask does what an offer asks for besides a new session. answered is false where
// it is to be a new one after all; why, if there is something to say about that.
//
// Who has logged in is the user whose sessions these are. But a login that sshd
// binds to one command is to run that and nothing else: it learns nothing of what
// the user's other logins run, and reaches none of it.
func ask(o terms.Offer, login session.Login, p *policy.Policy) (answered bool, status int, why error) {
	if p.Forced() != "" {
		if o.Ask == terms.Join {
			return false, 0, nil
		}
		return true, refuse(errors.New("this login is bound to one command, and has no part in other sessions")), nil
	}
	all := registry.List()
	switch o.Ask {
	case terms.List:
		return true, reply(terms.Answer{Sessions: registry.Sessions(all)}), nil
	case terms.End:
		e, err := registry.Named(all, o.Name)
		if err != nil {
			return true, refuse(err), nil
		}
		return true, endOf(e, cameAs(login.User, login.Env)), nil
	}
	greeting, err := attach(all, o, p)
	var several *registry.SeveralError
	switch {
	case err == nil:
		_, err = os.Stdout.WriteString(greeting)
		return true, printed(err), nil
	case o.Ask == terms.Join && errors.Is(err, registry.ErrNone):
		return false, 0, nil // it is the first one
	case o.Ask == terms.Join: // a login is not to fail for it
		return false, 0, err
	case errors.As(err, &several):
		return true, reply(terms.Answer{Refusal: err.Error(), Sessions: registry.Sessions(several.All), Choose: true}), nil
	}
	return true, refuse(err), nil
}

// attach has the session that an offer means give this login a seat.
func attach(all []registry.Entry, o terms.Offer, p *policy.Policy) (greeting string, err error) {
	if !p.TTY {
		return "", errNotPermitted
	}
	e, terminal, err := registry.Wanted(all, o.Name, o.Ask == terms.Join)
	if err != nil {
		return "", err
	}
	c := coming(o)
	c.Terminal = terminal
	if greeting, err = askSeat(e, c); err != nil {
		c.leave()
		return "", fmt.Errorf("attach session %s: %w", e.Name, err)
	}
	return greeting, nil
}

func askSeat(e registry.Entry, c newcomer) (greeting string, err error) {
	if e.Release == "" {
		return "", fmt.Errorf("process %d is of an older release, which can't be attached; kill %d ends it", e.PID, e.PID)
	}
	brings, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	a, err := e.Ask(context.Background(), registry.Request{Ask: "attach", Release: terms.Release, Attach: brings})
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	return a.Greeting, err
}

// reply tells a client what it asked for, which was no session.
func reply(a terms.Answer) int {
	_, err := os.Stdout.WriteString(terms.Greeting{Release: terms.Release, Answer: &a}.Line())
	return printed(err)
}

func refuse(err error) int { return reply(terms.Answer{Refusal: err.Error()}) }

// endOf ends a session of this user's.
func endOf(e registry.Entry, by string) int {
	if e.Release == "" { // it has no door
		return refuse(fmt.Errorf("process %d is a session of an older release; kill %d ends it", e.PID, e.PID))
	}
	a, err := e.Ask(context.Background(), registry.Request{Ask: "end", Release: terms.Release, By: by})
	if err == nil && a.Error != "" {
		err = errors.New(a.Error)
	}
	if err != nil {
		return refuse(fmt.Errorf("end session %s: %w", e.Name, err))
	}
	return reply(terms.Answer{Sessions: []terms.Session{a.Session}})
}
