package sshconfig

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"tssh/client/config"
	"tssh/client/config/endpoint"
	"tssh/client/config/expand"
	"tssh/client/sshconfig/pattern"
)

// canonicalize finds the name to connect to, and reads the files once more
// under it where the configuration asks for that. What was set stays set.
func (e *evaluator) canonicalize() error {
	e.preset("canonicalizehostname", "no")
	e.preset("canonicalizemaxdots", "1")
	e.preset("canonicalizefallbacklocal", "yes")
	host := e.req.Host
	if h := e.first("hostname"); h != "" {
		var err error
		if host, err = expand.Percent(h, map[byte]string{'h': host}); err != nil {
			return &config.Error{Lines: []string{err.Error(), "percent_expand: failed"}}
		}
	}
	if addr, ok := address(host); ok {
		host = addr
	} else if !looksNumeric(host) {
		host = lower(host)
		found, err := e.canonicalName(&host)
		if err != nil {
			return err
		}
		if !found {
			if err := e.bareCNAME(&host); err != nil {
				return err
			}
		}
	}
	again := e.first("canonicalizehostname") != "no" || e.wantFinal
	e.values["hostname"] = []string{host}
	e.name = host
	if !again {
		return nil
	}
	e.final = true
	return e.files()
}

func (e *evaluator) preset(key, value string) {
	if e.values[key] == nil {
		e.values[key] = []string{value}
	}
}

// address returns the one spelling of an address, which is not looked up.
// Numbers such as 127.1 are addresses to the C library, so they are here.
func address(s string) (string, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.String(), true
	}
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return "", false
	}
	var value uint64
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 0, 32)
		left := 4 - i // bytes that the last part fills
		if err != nil || strings.ContainsAny(p, "_oO") || strings.HasPrefix(lower(p), "0b") || i < len(parts)-1 && n > 255 ||
			i == len(parts)-1 && n >= 1<<(8*left) {
			return "", false
		}
		if i < len(parts)-1 {
			value |= n << (8 * (3 - i))
		} else {
			value |= n
		}
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}).String(), true
}

// looksNumeric reports what can only be an address, if a wrong one.
func looksNumeric(s string) bool {
	return strings.ContainsAny(s, "%:") || strings.Trim(s, "0123456789.") == ""
}

// direct reports whether we connect by ourselves; a name for a proxy to resolve
// is left as it is.
func (e *evaluator) direct() bool {
	none := func(key string) bool { v := e.first(key); return v == "" || v == "none" }
	return none("proxycommand") && none("proxyjump")
}

// canonicalName tries a short name under each of CanonicalDomains.
func (e *evaluator) canonicalName(host *string) (found bool, err error) {
	mode := e.first("canonicalizehostname")
	if mode == "no" || mode != "always" && !e.direct() {
		return false, nil
	}
	try := []string{*host}
	if anchored, ok := strings.CutSuffix(*host, "."); ok {
		try[0] = anchored
	} else {
		dots, _ := strconv.Atoi(e.first("canonicalizemaxdots"))
		if strings.Count(*host, ".") > dots {
			return false, nil
		}
		try = nil
		for _, d := range e.values["canonicaldomains"] {
			if d != "none" {
				try = append(try, *host+"."+d)
			}
		}
	}
	for _, name := range try {
		cname, err := e.env.Lookup(e.network(), name+".")
		if err != nil {
			e.env.debug(fmt.Sprintf("Could not resolve hostname %s: %v", name, err))
			continue
		}
		*host = e.follow(name, cname)
		return true, nil
	}
	if e.first("canonicalizefallbacklocal") == "no" {
		return false, &config.Error{Lines: []string{fmt.Sprintf("ssh: Could not resolve host %q", *host)}}
	}
	return false, nil
}

// bareCNAME follows the alias of a name that needed no domain.
func (e *evaluator) bareCNAME(host *string) error {
	rules := e.values["canonicalizepermittedcnames"]
	if rules == nil || rules[0] == "none" || !e.direct() && e.first("canonicalizehostname") != "always" {
		return nil
	}
	cname, err := e.env.Lookup(e.network(), *host)
	switch {
	case err == nil:
		*host = e.follow(*host, cname)
	case e.direct():
		return &config.Error{Lines: []string{fmt.Sprintf("ssh: Could not resolve hostname %s: Name or service not known", *host)}}
	}
	return nil
}

// follow returns the canonical name of an alias where the rules permit it.
func (e *evaluator) follow(name, cname string) string {
	cname = strings.ToLower(strings.TrimSuffix(cname, ".")) // a resolver may mix the case on purpose (0x20)
	mode := e.first("canonicalizehostname")
	// An alias is the word of whoever answered for the DNS.
	if cname == "" || cname == name || !endpoint.ValidHost(cname) || mode == "no" || mode != "always" && !e.direct() {
		return name
	}
	for _, rule := range e.values["canonicalizepermittedcnames"] {
		from, to, _ := strings.Cut(rule, ":")
		if pattern.MatchFold(name, from) > 0 && pattern.MatchFold(cname, to) > 0 {
			return cname
		}
	}
	return name
}

func (e *evaluator) network() string {
	switch e.first("addressfamily") {
	case "inet":
		return "ip4"
	case "inet6":
		return "ip6"
	}
	return "ip"
}
