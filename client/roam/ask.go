package roam

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"

	"tssh/client/bootstrap"
	"tssh/client/login"
	"tssh/proxy/terms"
)

// Ask asks the tsshd on the server that l is logged in to for something else than a
// session, over what leads there.
func Ask(ctx context.Context, over *ssh.Client, l *login.Login, c Config, ask terms.Ask, name string) (*terms.Answer, error) {
	started, err := bootstrap.Start(ctx, over, bootstrap.Request{
		Offer:     terms.Offer{Transport: "quic", Keys: keysOf(l), Ask: ask, Name: name, Inside: inside()},
		TsshdPath: c.TsshdPath,
		Binary:    c.Binary,
		Forced:    l.Forced,
		Stderr:    os.Stderr,
		Progress:  c.Progress,
		Logf:      c.Log.Debugf,
	})
	if err != nil {
		return nil, err
	}
	if started.Complaint != "" {
		c.Log.Infof("tssh: %s: %s", c.HostName, started.Complaint)
	}
	switch a := started.Answer; {
	case a == nil: // it took this for an offer, and ends when nobody comes
		return nil, fmt.Errorf("tsshd at %s is of release %s, which knows of no other sessions", started.Path, started.Release)
	case a.Refusal != "":
		return nil, errors.New(a.Refusal)
	default:
		return a, nil
	}
}
