package hostkey

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/client/voice"
	"tssh/proxy/pubkey"
)

// Refused is the end of a login for its host's key. The reason has been
// logged; the text is ssh's last word.
type Refused struct{ words string }

func (r Refused) Error() string { return r.words }

var errRefused error = Refused{"Host key verification failed."} // never changed

const frame = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"

func (c *Checker) errors(lines ...string) {
	for _, l := range lines {
		c.log.Errorf("%s", l)
	}
}

// confirmNew asks about a key that is not known.
func (c *Checker) confirmNew(key ssh.PublicKey) error {
	fp := pubkey.Fingerprint(key, c.h.FingerprintHash)
	var q strings.Builder
	fmt.Fprintf(&q, "The authenticity of host '%s (%s)' can't be established", c.name, c.ip)
	if c.showOthers(key) {
		q.WriteString("\nbut keys of different type are already known for this host.")
	} else {
		q.WriteString(".")
	}
	fmt.Fprintf(&q, "\n%s key fingerprint is %s.", pubkey.TypeName(key), fp)
	if c.h.VisualHostKey {
		q.WriteString("\n" + pubkey.Randomart(key, c.h.FingerprintHash))
	}
	if c.h.VerifyHostKeyDNS == "yes" || c.h.VerifyHostKeyDNS == "ask" {
		match := "No matching"
		if c.dns.matches {
			match = "Matching"
		}
		fmt.Fprintf(&q, "\n%s host key fingerprint found in DNS.", match)
	}
	q.WriteString("\n" + c.otherNames(key))
	q.WriteString("\nAre you sure you want to continue connecting (yes/no/[fingerprint])? ")
	if !c.confirm(q.String(), fp) {
		return errRefused
	}
	return nil
}

// confirm takes yes, no, or the fingerprint, and asks until it gets one.
func (c *Checker) confirm(question, fp string) bool {
	if c.h.BatchMode || c.ask == nil {
		return false
	}
	again := "Please type 'yes' or 'no': "
	if fp != "" {
		again = "Please type 'yes', 'no' or the fingerprint: "
	}
	for {
		answer, err := c.ask(question, voice.Plain)
		if err != nil {
			return false
		}
		switch answer = strings.TrimSpace(answer); {
		case answer == "" || strings.EqualFold(answer, "no"):
			return false
		case strings.EqualFold(answer, "yes"), fp != "" && answer == fp:
			return true
		}
		question = again
	}
}

// showOthers names known keys of other types; true if there are any.
func (c *Checker) showOthers(key ssh.PublicKey) bool {
	shown := false
	for _, e := range c.entries {
		if e.marker != plain || e.key.Type() == key.Type() {
			continue
		}
		shown = true
		c.log.Infof("WARNING: %s key found for host %s\nin %s:%d\n%s key fingerprint %s.", pubkey.TypeName(e.key), c.name, e.file, e.line,
			pubkey.TypeName(e.key), pubkey.Fingerprint(e.key, c.h.FingerprintHash))
	}
	return shown
}

// otherNames says under which other names the key is known.
func (c *Checker) otherNames(key ssh.PublicKey) string {
	const most = 8
	var names []string
	blob := key.Marshal()
	for _, file := range slices.Concat(c.user, c.system) {
		for _, e := range loadFile(file) {
			if e.marker == plain && bytes.Equal(e.key.Marshal(), blob) && !e.matches(c.name) && !(c.checksIP() && e.matches(c.ip)) {
				hosts := e.hosts
				if _, _, hashed := hashedName(hosts); hashed {
					hosts = "[hashed name]"
				}
				names = append(names, fmt.Sprintf("    %s:%d: %s", tilde(e.file), e.line, hosts))
			}
		}
	}
	if len(names) == 0 {
		return "This key is not known by any other names."
	}
	more := ""
	if len(names) > most {
		more = fmt.Sprintf("\n    (%d additional names omitted)", len(names)-most)
		names = names[:most]
	}
	return "This host key is known by the following other names/addresses:\n" + strings.Join(names, "\n") + more
}

// tilde shortens a path under the home directory.
func tilde(file string) string {
	if home, err := os.UserHomeDir(); err == nil {
		if rest, ok := strings.CutPrefix(file, home+"/"); ok {
			return "~/" + rest
		}
	}
	return file
}

func (c *Checker) refuseRevoked(key ssh.PublicKey) error {
	name := pubkey.TypeName(key)
	c.errors(frame, "@       WARNING: REVOKED HOST KEY DETECTED!               @", frame,
		fmt.Sprintf("The %s host key for %s is marked as revoked.", name, c.name),
		"This could mean that a stolen key is being used to", "impersonate this host.")
	if !c.lenient() {
		c.log.Errorf("%s host key for %s was revoked and you have requested strict checking.", name, c.name)
		return errRefused
	}
	return nil
}

// lenient: only StrictHostKeyChecking no and off go on with a key that is
// known to be wrong.
func (c *Checker) lenient() bool {
	return c.h.StrictHostKeyChecking == "no" || c.h.StrictHostKeyChecking == "off"
}

func (c *Checker) refuseChanged(key ssh.PublicKey, found *entry, ipStatus status, ipFound *entry) error {
	name := pubkey.TypeName(key)
	if c.checksIP() && (ipStatus != changed || ipFound != nil && !bytes.Equal(ipFound.key.Marshal(), found.key.Marshal())) {
		value := "has a different value"
		switch ipStatus {
		case fresh:
			value = "is unknown"
		case known:
			value = "is unchanged"
		}
		c.errors(frame, "@       WARNING: POSSIBLE DNS SPOOFING DETECTED!          @", frame,
			fmt.Sprintf("The %s host key for %s has changed,", name, c.name),
			"and the key for the corresponding IP address "+c.ip,
			value+". This could either mean that",
			"DNS SPOOFING is happening or the IP address for the host",
			"and its host key have changed at the same time.")
		if ipFound != nil {
			c.log.Errorf("Offending key for IP in %s:%d", ipFound.file, ipFound.line)
		}
	}
	c.warnChanged(key)
	if all := slices.Concat(c.user, c.system); len(all) > 0 {
		c.log.Errorf("Add correct host key in %s to get rid of this message.", all[0])
	}
	c.log.Errorf("Offending %s key in %s:%d", pubkey.TypeName(found.key), found.file, found.line)
	if !found.command {
		c.errors("  remove with:", fmt.Sprintf("  ssh-keygen -f \"%s\" -R \"%s\"", found.file, c.name))
	}
	if !c.lenient() {
		c.log.Errorf("Host key for %s has changed and you have requested strict checking.", c.name)
		return errRefused
	}
	return nil
}

func (c *Checker) warnChanged(key ssh.PublicKey) {
	c.errors(frame, "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @", frame,
		"IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!",
		"Someone could be eavesdropping on you right now (man-in-the-middle attack)!",
		"It is also possible that a host key has just been changed.",
		fmt.Sprintf("The fingerprint for the %s key sent by the remote host is\n%s.", pubkey.TypeName(key), pubkey.Fingerprint(key, c.h.FingerprintHash)),
		"Please contact your system administrator.")
}

// disarm says that nothing is given to the host that a false one could abuse:
// passwords typed to it, keys of the agent lent to it, connections made for it.
func (c *Checker) disarm() error {
	h := c.h
	off := func(what string, on bool) bool {
		if on {
			c.log.Errorf("%s is disabled to avoid man-in-the-middle attacks.", what)
		}
		return on
	}
	off("Password authentication", h.PasswordAuthentication)
	off("Keyboard-interactive authentication", h.KbdInteractiveAuthentication)
	cancelled := off("Agent forwarding", h.Agent())
	cancelled = off("X11 forwarding", h.ForwardX11) || cancelled
	cancelled = off("Port forwarding", h.Ports()) || cancelled
	cancelled = off("Tunnel forwarding", h.Device()) || cancelled
	if h.UpdateHostKeys != "" && h.UpdateHostKeys != "no" {
		c.log.Errorf("UpdateHostkeys is disabled because the host key is not trusted.")
	}
	c.distrust()
	if cancelled && h.ExitOnForwardFailure {
		return Refused{"Error: forwarding disabled due to host key check failure"}
	}
	return nil
}

// distrust does so without a word, for this login and those made again.
func (c *Checker) distrust() { c.Distrust, c.pin.distrust = true, true }

// addressDiffers is the case of a name and an address with different keys.
func (c *Checker) addressDiffers(key ssh.PublicKey, s status, found, ipFound *entry) error {
	msg := fmt.Sprintf("Warning: the %s host key for '%s' differs from the key for the IP address '%s'\nOffending key for IP in %s:%d",
		pubkey.TypeName(key), c.name, c.ip, ipFound.file, ipFound.line)
	if s == known {
		msg += fmt.Sprintf("\nMatching host key in %s:%d", found.file, found.line)
	}
	switch c.h.StrictHostKeyChecking {
	case "ask", "":
		if !c.confirm(msg+"\nAre you sure you want to continue connecting (yes/no)? ", "") {
			return errRefused
		}
	case "no", "off":
		c.log.Infof("%s", msg)
	default:
		c.log.Infof("%s", msg)
		c.log.Errorf("Exiting, you have requested strict checking.")
		return errRefused
	}
	return nil
}
