package hostkey

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/client/voice"
	"tssh/proxy/pubkey"
)

// Prover sends a global request and returns the answer; ssh.Conn is one.
type Prover interface {
	SendRequest(name string, wantReply bool, payload []byte) (bool, []byte, error)
	SessionID() []byte
}

// Learn handles the server's list of its keys (hostkeys-00@openssh.com): keys
// that it proves to have are added, and old ones forgotten, so that a host can
// change its keys without frightening anyone. It does nothing unless the
// login was with a key that the user trusts.
//
// Keys on a token wait until idle is closed: for their proof OpenSSH's server
// runs a helper, and does not notice if the user's command ends meanwhile.
func (c *Checker) Learn(payload []byte, conn Prover, idle <-chan struct{}) {
	if c.h.UpdateHostKeys != "yes" && c.h.UpdateHostKeys != "ask" || !c.trusted || c.Distrust || len(c.user) == 0 {
		return
	}
	offered := c.offered(payload)
	if len(offered) == 0 {
		c.log.Debugf("client_input_hostkeys: server sent no usable hostkeys")
		return
	}
	fresh, old, ok := c.compare(offered)
	if !ok || len(fresh)+len(old) == 0 {
		c.log.Debug3f("client_input_hostkeys: no new or deprecated keys from server")
		return
	}
	if slices.ContainsFunc(fresh, func(k ssh.PublicKey) bool { return strings.HasPrefix(k.Type(), "sk-") }) {
		<-idle
	}
	if len(fresh) > 0 {
		if err := prove(fresh, conn); errors.Is(err, errGone) {
			return
		} else if err != nil {
			c.log.Errorf("client_global_hostkeys_prove_confirm: %v", err)
			return
		}
		c.pin.add(fresh)
	}
	c.apply(fresh, old, offered)
}

// offered reads the keys, without certificates, unknown types and those that
// HostKeyAlgorithms excludes.
func (c *Checker) offered(payload []byte) (keys []ssh.PublicKey) {
	r := &reader{b: payload}
	for n := 0; r.more() && n < 128; n++ {
		key, err := ssh.ParsePublicKey(r.string())
		if r.err != nil || err != nil {
			continue
		}
		if _, cert := key.(*ssh.Certificate); cert || !c.offers(key.Type()) {
			continue
		}
		if n := pubkey.RSABits(key); n > 0 && n < c.h.RequiredRSASize {
			continue
		}
		if !slices.ContainsFunc(keys, func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), key.Marshal()) }) {
			c.log.Debug3f("client_input_hostkeys: received %s key %s", pubkey.TypeName(key), pubkey.Fingerprint(key, c.h.FingerprintHash))
			keys = append(keys, key)
		}
	}
	return keys
}

func (c *Checker) offers(keyType string) bool {
	return slices.ContainsFunc(c.h.HostKeyAlgorithms, func(a string) bool {
		return a == keyType || keyType == "ssh-rsa" && strings.HasPrefix(a, "rsa-sha2-") && !strings.Contains(a, "cert")
	})
}

// compare returns the offered keys that the user's files don't have, and the
// lines whose keys are offered no more. It is not ok to touch files in which
// lines stand for more hosts than this one.
func (c *Checker) compare(offered []ssh.PublicKey) (fresh []ssh.PublicKey, old []entry, ok bool) {
	seen := map[string]bool{}
	for _, file := range c.user {
		for _, e := range loadFile(file) {
			about := e.matches(c.name)
			listed := slices.ContainsFunc(offered, func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), e.key.Marshal()) })
			switch {
			case about && e.marker == authority:
				c.log.Debugf("hostkeys_find: CA known for this host; skipping UserKnownHostsFile update")
				return nil, nil, false
			case e.marker != plain:
				if listed && e.marker == revoked {
					return nil, nil, false
				}
			case about && c.isShared(e):
				c.log.Debugf("hostkeys_find: hostkeys in %s:%d is for more hosts than this; skipping update", e.file, e.line)
				return nil, nil, false
			case about && listed:
				seen[string(e.key.Marshal())] = true
			case about:
				old = append(old, e)
			case listed && c.isElsewhere(e):
				c.log.Debugf("client_input_hostkeys: key(s) for %s exist under other names; skipping UserKnownHostsFile update", c.name)
				return nil, nil, false
			}
		}
	}
	if len(old) > 0 && len(seen) == 0 {
		old = nil // nothing that we trust is offered still
	}
	for _, key := range offered {
		if !seen[string(key.Marshal())] {
			fresh = append(fresh, key)
		}
	}
	return fresh, old, true
}

// isShared: the line is about other names than this host's, or patterns.
func (c *Checker) isShared(e entry) bool {
	if _, _, hashed := hashedName(e.hosts); hashed {
		return false
	}
	return slices.ContainsFunc(strings.Split(strings.ToLower(e.hosts), ","), func(n string) bool { return n != c.name && n != c.ip })
}

// isElsewhere: the key is another host's too, and not just this address's.
func (c *Checker) isElsewhere(e entry) bool { return !(c.checksIP() && e.matches(c.ip)) }

var errGone = errors.New("the connection ended") // never changed

// prove lets the server sign with each new key, over this session: otherwise
// it could make us trust keys of which somebody else holds the private half.
func prove(keys []ssh.PublicKey, conn Prover) error {
	const name = "hostkeys-prove-00@openssh.com"
	var payload []byte
	for _, k := range keys {
		payload = append(payload, ssh.Marshal(struct{ Blob []byte }{k.Marshal()})...)
	}
	ok, answer, err := conn.SendRequest(name, true, payload)
	if err != nil {
		return errGone
	}
	if !ok {
		return errors.New("server failed to confirm ownership of private host keys")
	}
	r := &reader{b: answer}
	for _, k := range keys {
		var sig ssh.Signature
		if err := ssh.Unmarshal(r.string(), &sig); err != nil || r.err != nil {
			return errors.New("server's proof of its host keys: invalid format")
		}
		if k.Type() == "ssh-rsa" && sig.Format == "ssh-rsa" {
			return errors.New("server's proof of an RSA host key: SHA-1 signature")
		}
		signed := ssh.Marshal(struct {
			Name      string
			SessionID []byte
			Blob      []byte
		}{name, conn.SessionID(), k.Marshal()})
		if err := pubkey.Verify(k, signed, &sig); err != nil {
			return fmt.Errorf("server gave bad signature for %s key", pubkey.TypeName(k))
		}
	}
	if r.more() {
		return errors.New("server's proof of its host keys: bytes behind the last signature")
	}
	return nil
}

// apply writes what was learned.
func (c *Checker) apply(fresh []ssh.PublicKey, old []entry, offered []ssh.PublicKey) {
	asks := c.h.UpdateHostKeys == "ask"
	say := c.log.Verbosef
	if asks {
		say = c.log.Infof
	}
	for _, k := range fresh {
		say("Learned new hostkey: %s %s", pubkey.TypeName(k), pubkey.Fingerprint(k, c.h.FingerprintHash))
	}
	for _, e := range old {
		say("Deprecating obsolete hostkey: %s %s", pubkey.TypeName(e.key), pubkey.Fingerprint(e.key, c.h.FingerprintHash))
	}
	if asks && !c.acceptUpdate() {
		return
	}
	names := []string{c.name}
	if c.checksIP() {
		names = append(names, c.ip)
	}
	// A line whose key the host still has stays where and as it is, with its
	// comment; only names that no line has for the key are added.
	listed := func(e entry) int {
		return slices.IndexFunc(offered, func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), e.key.Marshal()) })
	}
	stays := func(e entry) bool {
		return e.marker != plain || listed(e) >= 0 || !slices.ContainsFunc(names, e.matches) || len(old) == 0 && e.matches(c.name)
	}
	missing := make([][]string, len(offered))
	for i := range missing {
		missing[i] = slices.Clone(names)
	}
	for _, file := range c.user {
		for _, e := range loadFile(file) {
			if i := listed(e); i >= 0 && e.marker == plain {
				missing[i] = slices.DeleteFunc(missing[i], e.matches)
			}
		}
	}
	var lines strings.Builder
	for i, k := range offered {
		switch {
		case len(missing[i]) == 0:
		case c.h.HashKnownHosts:
			for _, n := range missing[i] {
				lines.WriteString(formatLine(n, k, true))
			}
		default:
			lines.WriteString(formatLine(strings.Join(missing[i], ","), k, false))
		}
	}
	for i, file := range c.user {
		more := ""
		if i == 0 {
			more = lines.String()
		}
		if err := rewrite(file, stays, more); err != nil {
			c.log.Errorf("hostkeys_update: replace entries of %s: %v", file, err)
			return
		}
	}
}

func (c *Checker) acceptUpdate() bool {
	question := "Accept updated hostkeys? (yes/no): "
	for range 3 {
		if c.ask == nil || c.h.BatchMode {
			return false
		}
		answer, err := c.ask(question, voice.Plain)
		if err != nil || strings.EqualFold(answer, "no") {
			return false
		}
		if strings.EqualFold(answer, "yes") {
			return true
		}
		question = "Please type 'yes' or 'no': "
	}
	return false
}
