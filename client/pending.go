package client

import (
	"context"
	"errors"
	"io"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/control"
	"tssh/client/login"
	"tssh/client/session"
)

type roaming struct{ client *ssh.Client }

func (r *roaming) Close() error { return nil }
func (v *invocation) roam(ctx context.Context, l *login.Login) (*roaming, error) {
	return nil, errors.New("not yet")
}
func showStatus(io.Writer, bool) int                       { return 1 }
func (v *invocation) doctor(ctx context.Context) int       { return 1 }
func (l *link) prepare(h *config.Host, o *session.Options) {}
func (l *link) observe(v *invocation, o *session.Options)  {}

var _ control.Forwards

func (l *link) prepareRider(*control.Session, ssh.Channel) {}
