package sshconfig

import (
	"strings"

	"tssh/client/config"
	"tssh/client/config/endpoint"
	"tssh/client/sshconfig/value"
)

// proxyJump takes a list of hops, or none. It and ProxyCommand compete: the
// first of them, none included, keeps the other out.
func proxyJump(e *evaluator, l *value.Line) ([]string, error) {
	typed := l.Flag || l.File == commandLine
	value := strings.TrimLeft(l.Rest, value.Blanks+"=")
	if !l.Flag { // quotes are of the name; what follows the first word is not looked at
		if i := strings.IndexAny(value, " \t"); i >= 0 {
			value = value[:i]
		}
	}
	value, _, _ = strings.Cut(value, "#")
	l.Args = nil
	if l.Flag && e.values["proxycommand"] != nil {
		return nil, &config.Error{Lines: []string{"Cannot specify -J with ProxyCommand"}}
	}
	if strings.EqualFold(value, "none") {
		return e.ifNoProxy("none"), nil
	}
	words := strings.Split(value, ",")
	for i := len(words) - 1; i >= 0; i-- { // the last one is the one that ssh reads first
		hop, ok := endpoint.ParseJump(words[i])
		if !ok {
			return nil, l.Errorf("Invalid ProxyJump %q", value)
		}
		if fault := hop.Unfit(); typed && fault != "" {
			return nil, &config.Error{Lines: []string{fault, l.Errorf("Invalid ProxyJump %q", value).Error()}}
		}
		if i == len(words)-1 {
			words[i] = hop.String()
		}
	}
	return e.ifNoProxy(strings.Join(words, ",")), nil
}

func (e *evaluator) ifNoProxy(value string) []string {
	if e.values["proxycommand"] != nil {
		return nil
	}
	return []string{value}
}

func proxyCommand(e *evaluator, l *value.Line) ([]string, error) {
	value, err := value.Command(l)
	jump := e.values["proxyjump"]
	if jump != nil && jump[0] != "none" {
		return nil, err
	}
	return value, err
}

// agentPath is checked as early as ssh does: an environment variable that is
// not there is an error of the file.
func agentPath(e *evaluator, l *value.Line) ([]string, error) {
	arg, err := l.One()
	if err != nil {
		return nil, err
	}
	if name, ok := strings.CutPrefix(arg, "$"); ok && !strings.HasPrefix(name, "{") && !value.ValidEnvName(name) {
		return nil, l.Errorf("Invalid environment name %s.", arg)
	}
	if _, err := e.environment(arg); err != nil {
		return nil, &config.Error{Lines: []string{err.Error(), l.Errorf("Invalid environment expansion %s.", arg).Error()}}
	}
	return []string{arg}, nil
}

func forwardAgent(e *evaluator, l *value.Line) ([]string, error) {
	arg, err := l.One()
	if err != nil {
		return nil, err
	}
	switch low := strings.ToLower(arg); low {
	case "yes", "no":
		return []string{low}, nil
	case "true":
		return []string{"yes"}, nil
	case "false":
		return []string{"no"}, nil
	}
	l.Args = append([]string{arg}, l.Args...)
	return agentPath(e, l)
}
