package sshconfig

import (
	"tssh/client/config"
	"tssh/client/config/endpoint"
	"tssh/client/sshconfig/value"
)

func dynamicForward(e *evaluator, l *value.Line) ([]string, error) {
	return nil, addForward(e, l, &e.host.DynamicForward, true, false)
}

func localForward(e *evaluator, l *value.Line) ([]string, error) {
	return nil, addForward(e, l, &e.host.LocalForward, false, false)
}

func remoteForward(e *evaluator, l *value.Line) ([]string, error) {
	return nil, addForward(e, l, &e.host.RemoteForward, false, true)
}

func udpLocalForward(e *evaluator, l *value.Line) ([]string, error) {
	return nil, addForward(e, l, &e.host.UdpLocalForward, false, false)
}

func udpRemoteForward(e *evaluator, l *value.Line) ([]string, error) {
	return nil, addForward(e, l, &e.host.UdpRemoteForward, false, true)
}

// addForward takes the two ends as two arguments, or from a flag as one.
func addForward(e *evaluator, l *value.Line, to *[]config.Forward, dynamic, remote bool) error {
	spec, err := l.One()
	if err != nil {
		return err
	}
	target, _ := l.Next()
	switch {
	case dynamic:
		if target != "" {
			l.Args = []string{target} // too many, says the caller
			return nil
		}
	case target != "":
		spec += ":" + target
	case !l.Flag && !remote:
		return l.Errorf("Missing target argument.")
	case !l.Flag:
		dynamic = true
	}
	if spec, err = e.environment(spec); err != nil {
		return &config.Error{Lines: []string{err.Error(), l.Errorf("Bad forwarding specification.").Error()}}
	}
	f, err := endpoint.ParseForward(spec, dynamic, remote)
	if err != nil && l.Flag && remote { // -R port
		f, err = endpoint.ParseForward(spec, true, remote)
	}
	if err != nil {
		return l.Errorf("Bad forwarding specification.")
	}
	if l.Active {
		*to = append(*to, f)
	}
	return nil
}
