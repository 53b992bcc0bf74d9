package hostkey

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/net/dns/dnsmessage"
)

// dnsAnswer is what the DNS says about a host's key.
type dnsAnswer struct {
	found   bool // there are fingerprints
	matches bool // one of them is the key's, and none of its kind is another's
	secure  bool // the resolver validated them
}

// checkDNS asks for SSHFP records (RFC 4255). It reports true when they settle
// the matter: they match, came by DNSSEC, and the user wants that to do.
func (c *Checker) checkDNS(key ssh.PublicKey) (done bool, err error) {
	if _, err := netip.ParseAddr(c.h.HostName); err == nil {
		c.log.Debugf("skipped DNS lookup for numerical hostname")
		return false, nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, 10*time.Second)
	defer cancel()
	records, secure, err := lookupSSHFP(ctx, c.h.HostName)
	if err != nil {
		c.log.Verbosef("DNS lookup error: %v", err)
		return false, nil
	}
	c.dns = match(key, records)
	c.dns.secure = secure
	kind := "insecure"
	if secure {
		kind = "secure"
	}
	c.log.Debugf("found %d %s fingerprints in DNS", len(records), kind)
	switch {
	case !c.dns.found:
		c.log.Debugf("no host key fingerprint found in DNS")
	case c.dns.matches:
		c.log.Debugf("matching host key fingerprint found in DNS")
		return c.dns.secure && c.h.VerifyHostKeyDNS == "yes", nil
	default:
		c.log.Debugf("mismatching host key fingerprint found in DNS")
		c.warnChanged(key)
		c.log.Errorf("Update the SSHFP RR in DNS with the new host key to get rid of this message.")
	}
	return false, nil
}

// match compares the records of the key's own algorithm; the strongest hash
// that there is decides, so that a forged SHA-1 does not.
func match(key ssh.PublicKey, records [][]byte) (a dnsAnswer) {
	algorithm := map[string]byte{"ssh-rsa": 1, "ssh-dss": 2, "ecdsa-sha2-nistp256": 3, "ecdsa-sha2-nistp384": 3,
		"ecdsa-sha2-nistp521": 3, "ssh-ed25519": 4}[key.Type()]
	one, two := sha1.Sum(key.Marshal()), sha256.Sum256(key.Marshal())
	var best byte
	for _, r := range records {
		if len(r) > 2 && r[0] == algorithm && r[1] <= 2 {
			best = max(best, r[1])
		}
	}
	for _, r := range records {
		if len(r) < 3 || r[0] != algorithm || r[1] != best {
			continue
		}
		a.found = true
		want := two[:]
		if best == 1 {
			want = one[:]
		}
		if !bytes.Equal(r[2:], want) {
			return dnsAnswer{found: true}
		}
		a.matches = true
	}
	return a
}

const typeSSHFP = 44

// lookupSSHFP asks the system's first name server that answers.
func lookupSSHFP(ctx context.Context, host string) (records [][]byte, secure bool, err error) {
	conf, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return nil, false, err
	}
	servers, trust := resolvers(string(conf))
	err = errors.New("no name server")
	for _, s := range servers {
		if records, secure, err = querySSHFP(ctx, s, host); err == nil {
			// Whoever is between us and the resolver could set the bit that
			// says "validated": as in the C library it counts only where
			// the system's owner said so.
			return records, secure && trust, nil
		}
	}
	return nil, false, err
}

func resolvers(conf string) (servers []string, trust bool) {
	for line := range strings.Lines(conf) {
		f := strings.Fields(line)
		switch {
		case len(f) > 1 && f[0] == "nameserver":
			servers = append(servers, net.JoinHostPort(f[1], "53"))
		case len(f) > 1 && f[0] == "options":
			trust = trust || strings.Contains(line, "trust-ad")
		}
	}
	return servers, trust
}

func querySSHFP(ctx context.Context, server, host string) ([][]byte, bool, error) {
	query, id, err := sshfpQuery(host)
	if err != nil {
		return nil, false, err
	}
	answer, err := askUDP(ctx, server, query)
	if err != nil {
		return nil, false, err
	}
	records, secure, truncated, err := parseSSHFP(answer, id)
	if err == nil && truncated {
		if answer, err = askTCP(ctx, server, query); err == nil {
			records, secure, _, err = parseSSHFP(answer, id)
		}
	}
	return records, secure, err
}

func sshfpQuery(host string) ([]byte, uint16, error) {
	name, err := dnsmessage.NewName(strings.TrimSuffix(host, ".") + ".")
	if err != nil {
		return nil, 0, err
	}
	var seed [2]byte
	rand.Read(seed[:])
	id := binary.BigEndian.Uint16(seed[:])
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: true, AuthenticData: true})
	var edns dnsmessage.ResourceHeader
	if err := errors.Join(
		b.StartQuestions(),
		b.Question(dnsmessage.Question{Name: name, Type: typeSSHFP, Class: dnsmessage.ClassINET}),
		b.StartAdditionals(),
		edns.SetEDNS0(1232, dnsmessage.RCodeSuccess, true),
		b.OPTResource(edns, dnsmessage.OPTResource{}),
	); err != nil {
		return nil, 0, err
	}
	query, err := b.Finish()
	return query, id, err
}

func askUDP(ctx context.Context, server string, query []byte) ([]byte, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(3 * time.Second))
	if _, err := conn.Write(query); err != nil {
		return nil, err
	}
	b := make([]byte, 4096)
	n, err := conn.Read(b)
	return b[:n], err
}

func askTCP(ctx context.Context, server string, query []byte) ([]byte, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(3 * time.Second))
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return nil, err
	}
	var n [2]byte
	if _, err := io.ReadFull(conn, n[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(n[:]))
	_, err = io.ReadFull(conn, b)
	return b, err
}

func parseSSHFP(b []byte, id uint16) (records [][]byte, secure, truncated bool, err error) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil {
		return nil, false, false, err
	}
	if h.ID != id || !h.Response {
		return nil, false, false, errors.New("not the answer to our question")
	}
	if h.RCode != dnsmessage.RCodeSuccess {
		return nil, false, false, errors.New(h.RCode.String())
	}
	if err := p.SkipAllQuestions(); err != nil {
		return nil, false, false, err
	}
	for {
		r, err := p.Answer()
		if err == dnsmessage.ErrSectionDone {
			return records, h.AuthenticData, h.Truncated, nil
		}
		if err != nil {
			return nil, false, false, err
		}
		if u, ok := r.Body.(*dnsmessage.UnknownResource); ok && r.Header.Type == typeSSHFP {
			records = append(records, u.Data)
		}
	}
}
