package hostkey

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/voice"
	"tssh/proxy/pubkey"
)

// Checker judges the keys of one host.
type Checker struct {
	h    *config.Host
	log  voice.Log
	ask  voice.Asker
	ctx  context.Context // of the login: ends commands and look-ups
	addr net.Addr        // of the host; nil behind a proxy

	name string // as known_hosts spells the host
	bare string // the same without port: what certificates are for
	ip   string // as known_hosts spells the address

	user    []string // the user's files
	system  []string
	entries []entry // about the host
	byIP    []entry // about the address, with CheckHostIP

	// Distrust is set when the login goes on with a key that is not to be
	// trusted: whoever goes on sends nothing that a thief could use, and lends
	// nothing. Package auth has a word for it too, and login.Lent.
	Distrust bool
	trusted  bool // enough to learn other keys from
	dns      dnsAnswer
	pin      *Pin
}

// New reads what is known about a host. Addr is the host's own address, nil
// behind a proxy.
func New(ctx context.Context, h *config.Host, addr net.Addr, log voice.Log, ask voice.Asker) (*Checker, error) {
	c := &Checker{h: h, log: log, ask: ask, ctx: ctx, addr: addr}
	c.bare = strings.ToLower(h.HostName)
	c.name = Name(h.HostName, h.Port)
	if h.HostKeyAlias != "" {
		c.bare, c.name = h.HostKeyAlias, strings.ToLower(h.HostKeyAlias)
	}
	c.ip = "<no hostip for proxy command>"
	if a, ok := addr.(*net.TCPAddr); ok {
		c.ip = Name(a.AddrPort().Addr().Unmap().String(), h.Port)
	}
	c.user = files(h.UserKnownHostsFile)
	c.system = files(h.GlobalKnownHostsFile)
	c.entries = c.about(c.name)
	if h.KnownHostsCommand != "" && !h.HostKeyAlgorithmsSet {
		more, err := c.command("ORDER", nil, c.name)
		if err != nil {
			return nil, err
		}
		c.entries = append(c.entries, more...)
	}
	return c, nil
}

// files drops the word that stands for none.
func files(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "none" || n == "" })
}

// about returns the entries of all files about one name.
func (c *Checker) about(name string) (found []entry) {
	for i, file := range slices.Concat(c.user, c.system) {
		all := loadFile(file)
		n := 0
		for _, e := range all {
			if e.matches(name) {
				e.global = i >= len(c.user)
				found = append(found, e)
				n++
			}
		}
		if n > 0 {
			c.log.Debug3f("load_hostkeys: loaded %d keys from %s", n, name)
		}
	}
	return found
}

// Check decides about the key that the host showed. An error has been
// explained to the user when it is returned.
func (c *Checker) Check(key ssh.PublicKey) error {
	fp := pubkey.Fingerprint(key, c.h.FingerprintHash)
	c.logKey(key, fp)
	c.pin = &Pin{key: pubkey.Plain(key)}
	if n := pubkey.RSABits(key); n > 0 && n < c.h.RequiredRSASize {
		c.log.Errorf("Server host key: Invalid key length")
		return errRefused
	}
	if c.h.RevokedHostKeys != nil {
		if err := c.checkRevoked(key, fp); err != nil {
			return err
		}
	}
	if c.h.NoHostAuthenticationForLocalhost && isLoopback(c.addr) && c.h.HostKeyAlias == "" {
		c.log.Debugf("Forcing accepting of host key for loopback/localhost.")
		return nil
	}
	if c.h.VerifyHostKeyDNS == "yes" || c.h.VerifyHostKeyDNS == "ask" {
		done, err := c.checkDNS(pubkey.Plain(key))
		if done || err != nil {
			return err
		}
	}
	if c.h.KnownHostsCommand != "" {
		more, err := c.command("HOSTNAME", key, c.name)
		if err != nil {
			return err
		}
		c.entries = append(slices.DeleteFunc(c.entries, func(e entry) bool { return e.command }), more...)
	}
	if c.checksIP() {
		c.byIP = c.about(c.ip)
	}
	if cert, ok := key.(*ssh.Certificate); ok {
		if c.checkCertificate(cert) {
			c.pin.authority = cert.SignatureKey
			return nil
		}
		if s, _ := judge(c.entries, key); s != barred {
			c.log.Debugf("No matching CA found. Retry with plain key")
			key = cert.Key
		}
	}
	return c.checkPlain(key)
}

// checksIP: the address says nothing of its own when it is local, is what was
// typed, or is not the host's.
func (c *Checker) checksIP() bool {
	return c.h.CheckHostIP && c.addr != nil && !isLoopback(c.addr) && c.ip != c.name
}

func (c *Checker) logKey(key ssh.PublicKey, fp string) {
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		c.log.Debugf("Server host key: %s %s", key.Type(), fp)
		return
	}
	c.log.Debugf("Server host certificate: %s %s, serial %d ID %q CA %s %s valid %s", key.Type(), fp, cert.Serial, cert.KeyId,
		cert.SignatureKey.Type(), pubkey.Fingerprint(cert.SignatureKey, c.h.FingerprintHash), validity(cert))
	for _, p := range cert.ValidPrincipals {
		c.log.Debug2f("Server host certificate hostname: %s", p)
	}
}

func validity(cert *ssh.Certificate) string {
	const layout = "2006-01-02T15:04:05"
	at := func(t uint64) string { return time.Unix(int64(t), 0).Format(layout) }
	switch {
	case cert.ValidAfter == 0 && cert.ValidBefore == ssh.CertTimeInfinity:
		return "forever"
	case cert.ValidAfter == 0:
		return "before " + at(cert.ValidBefore)
	case cert.ValidBefore == ssh.CertTimeInfinity:
		return "after " + at(cert.ValidAfter)
	}
	return "from " + at(cert.ValidAfter) + " to " + at(cert.ValidBefore)
}

// checkCertificate reports whether a certificate settles the matter. One that
// does not is no fault: the key in it may be known.
func (c *Checker) checkCertificate(cert *ssh.Certificate) bool {
	s, found := judge(c.entries, cert)
	if s == fresh && c.retriesBare() {
		s, found = judge(c.about(c.bare), cert)
	}
	if s != known {
		return false
	}
	c.log.Debugf("Host '%s' is known and matches the %s host certificate.", c.name, pubkey.TypeName(cert))
	c.log.Debugf("Found CA key in %s:%d", found.file, found.line)
	if fault := checkCert(cert, c.bare, c.h.CASignatureAlgorithms, time.Now()); fault != "" {
		c.log.Errorf("%s", fault)
		return false
	}
	return true
}

// retriesBare: a host on another port may be known by its name alone.
func (c *Checker) retriesBare() bool { return c.h.HostKeyAlias == "" && c.name != c.bare }

func (c *Checker) checkPlain(key ssh.PublicKey) error {
	s, found := judge(c.entries, key)
	ipStatus, ipFound := s, (*entry)(nil)
	if c.checksIP() {
		ipStatus, ipFound = judge(c.byIP, key)
	}
	switch s {
	case known:
		c.accept(key, found, ipStatus, ipFound)
	case fresh:
		if c.retriesBare() {
			c.log.Debugf("checking without port identifier")
			if s, _ := judge(c.about(c.bare), key); s == known {
				c.log.Debugf("found matching key w/out port")
				return nil
			}
		}
		if err := c.meet(key, ipStatus); err != nil {
			return err
		}
	case barred:
		if err := c.refuseRevoked(key); err != nil {
			return err
		}
		c.pin.revoked = true
		if err := c.disarm(); err != nil {
			return err
		}
	case changed:
		if err := c.refuseChanged(key, found, ipStatus, ipFound); err != nil {
			return err
		}
		if err := c.disarm(); err != nil {
			return err
		}
	}
	if c.checksIP() && s != changed && ipStatus == changed {
		return c.addressDiffers(key, s, found, ipFound)
	}
	return nil
}

// accept is the usual end: the key is the one that is known.
func (c *Checker) accept(key ssh.PublicKey, found *entry, ipStatus status, ipFound *entry) {
	name := pubkey.TypeName(key)
	c.log.Debugf("Host '%s' is known and matches the %s host key.", c.name, name)
	c.log.Debugf("Found key in %s:%d", found.file, found.line)
	c.trusted = !found.global && !found.command && !(ipStatus == known && ipFound != nil && ipFound.global)
	if c.checksIP() && ipStatus == fresh {
		switch file, ok := c.recordFile(); {
		case !ok || found.command:
			c.log.Infof("%s host key for IP address '%s' not in list of known hosts.", name, c.ip)
		case appendLine(file, formatLine(c.ip, key, c.h.HashKnownHosts)) != nil:
			c.log.Infof("Failed to add the %s host key for IP address '%s' to the list of known hosts (%s).", name, c.ip, file)
		default:
			c.log.Infof("Warning: Permanently added the %s host key for IP address '%s' to the list of known hosts.", name, c.ip)
		}
		return
	}
	if c.h.VisualHostKey {
		c.log.Infof("Host key fingerprint is %s\n%s", pubkey.Fingerprint(key, c.h.FingerprintHash), pubkey.Randomart(key, c.h.FingerprintHash))
	}
}

// recordFile is where new keys are written; false if nowhere.
func (c *Checker) recordFile() (string, bool) {
	if len(c.user) == 0 || c.user[0] == os.DevNull {
		return os.DevNull, len(c.user) > 0
	}
	return c.user[0], true
}

// meet is the first meeting with a host.
func (c *Checker) meet(key ssh.PublicKey, ipStatus status) error {
	name := pubkey.TypeName(key)
	file, ok := c.recordFile()
	if !ok || !writable(c.name) {
		return errRefused
	}
	switch c.h.StrictHostKeyChecking {
	case "yes":
		c.log.Errorf("No %s host key is known for %s and you have requested strict checking.", name, c.name)
		return errRefused
	case "ask", "":
		if err := c.confirmNew(key); err != nil {
			return err
		}
		c.trusted = true
	}
	who := c.name
	lines := formatLine(c.name, key, c.h.HashKnownHosts)
	if c.checksIP() && ipStatus == fresh {
		who = c.name + "," + c.ip
		if c.h.HashKnownHosts {
			lines += formatLine(c.ip, key, true)
		} else {
			lines = formatLine(who, key, false)
		}
	}
	if err := appendLine(file, lines); err != nil {
		c.log.Infof("Failed to add the host to the list of known hosts (%s).", file)
	} else {
		c.log.Infof("Warning: Permanently added '%s' (%s) to the list of known hosts.", who, name)
	}
	return nil
}

// command runs KnownHostsCommand and returns its lines about name.
func (c *Checker) command(why string, key ssh.PublicKey, name string) ([]entry, error) {
	out, err := c.runCommand(why, key, name)
	if err != nil {
		c.log.Errorf("%v", err)
		return nil, errRefused
	}
	var found []entry
	for _, e := range readEntries(bytes.NewReader(out), "KnownHostsCommand-"+why) {
		if e.matches(name) {
			e.command = true
			found = append(found, e)
		}
	}
	c.log.Debug3f("load_hostkeys_command: loaded %d keys from %s", len(found), fmt.Sprintf("KnownHostsCommand-%s", why))
	return found, nil
}
