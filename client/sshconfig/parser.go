package sshconfig

import (
	"strings"

	"tssh/client/sshconfig/algorithm"
	"tssh/client/sshconfig/value"
	"tssh/proxy/terms"
)

// algorithms takes a list of names; complaint is what is said of a bad one.
func algorithms(k algorithm.Kind, complaint string) value.Parser {
	return func(l *value.Line) ([]string, error) {
		arg, err := l.One()
		if err != nil {
			return nil, err
		}
		valid := algorithm.Valid
		if l.Flag { // ssh's flags -c and -m know no "-"
			valid = func(k algorithm.Kind, s string) bool {
				return !strings.HasPrefix(s, "-") && algorithm.Valid(k, s)
			}
		}
		if !valid(k, arg) {
			return nil, l.Errorf(complaint, arg)
		}
		return []string{arg}, nil
	}
}

// sessionName takes the name of a session.
func sessionName(l *value.Line) ([]string, error) {
	arg, err := l.One()
	if err == nil {
		if bad := terms.CheckName(arg); bad != nil {
			err = l.Errorf("bad %s: %v", l.Key, bad)
		}
	}
	return []string{arg}, err
}
