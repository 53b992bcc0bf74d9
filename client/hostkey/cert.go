package hostkey

import (
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/sshconfig/pattern"
)

// checkCert says in ssh's words why a host's certificate, whose authority is known to be
// right, does not speak for name;
// "" when it does.
func checkCert(cert *ssh.Certificate, name string, algorithms []string, now time.Time) (fault string) {
	if cert.CertType != ssh.HostCert {
		return "Certificate invalid: not a host certificate"
	}
	if t := uint64(now.Unix()); t < cert.ValidAfter {
		return "Certificate invalid: not yet valid"
	} else if t >= cert.ValidBefore {
		return "Certificate invalid: expired"
	}
	// A certificate without principals would be good for any host. Authorities were
	// tricked into leaving them out (CVE-2024-7594).
	if len(cert.ValidPrincipals) == 0 {
		return "Certificate lacks principal list"
	}
	i := slices.IndexFunc(cert.ValidPrincipals, func(p string) bool { return pattern.Match(name, p) })
	if i < 0 {
		return "Certificate invalid: name is not a listed principal"
	}
	name = cert.ValidPrincipals[i] // what it is checked for below, to the letter
	if len(cert.CriticalOptions) > 0 {
		return "Certificate contains unsupported critical options"
	}
	if !slices.Contains(algorithms, cert.Signature.Format) {
		return "Certificate signed with disallowed algorithm"
	}
	// Parsing verified nothing: without this anyone could write a
	// certificate that names a trusted authority.
	checker := ssh.CertChecker{Clock: func() time.Time { return now }}
	if err := checker.CheckCert(name, cert); err != nil {
		return "Certificate invalid: " + err.Error()
	}
	return ""
}
