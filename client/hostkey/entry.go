// Package hostkey decides whether the key that a host shows is to be trusted:
// by known_hosts files and commands, certificates, lists of revoked keys and
// the DNS. Its words are ssh's, since people and scripts know them.
package hostkey

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/client/sshconfig/pattern"
)

// marker is what the word before a line's hosts says about its key.
type marker int

const (
	plain     marker = iota
	authority        // @cert-authority: signs hosts' certificates
	revoked          // @revoked: never to be accepted
)

// entry is one line of a known_hosts file.
type entry struct {
	marker  marker
	hosts   string // patterns, or one hashed name
	key     ssh.PublicKey
	file    string
	line    int
	command bool // by KnownHostsCommand: there is no file
	global  bool // in a file that is not the user's
}

// parseEntry reads one line; false for a comment, an empty line and whatever
// can't be read: one bad line must not hide the others.
func parseEntry(text string) (e entry, ok bool) {
	fields := strings.Fields(text)
	if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
		return e, false
	}
	switch fields[0] {
	case "@cert-authority":
		e.marker, fields = authority, fields[1:]
	case "@revoked":
		e.marker, fields = revoked, fields[1:]
	}
	if len(fields) < 3 || strings.HasPrefix(fields[0], "@") {
		return e, false
	}
	blob, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return e, false
	}
	e.hosts = fields[0]
	e.key, err = ssh.ParsePublicKey(blob)
	return e, err == nil && e.key.Type() == fields[1]
}

// matches reports whether the entry is about a name as known_hosts spells it.
func (e *entry) matches(name string) bool {
	if salt, sum, ok := hashedName(e.hosts); ok {
		return hmac.Equal(sum, hashName(salt, name))
	}
	return pattern.MatchFold(name, e.hosts) == 1
}

// hashedName takes apart "|1|salt|hash".
func hashedName(s string) (salt, sum []byte, ok bool) {
	s, ok = strings.CutPrefix(s, "|1|")
	if !ok {
		return nil, nil, false
	}
	a, b, _ := strings.Cut(s, "|")
	salt, err := base64.StdEncoding.DecodeString(a)
	if err != nil {
		return nil, nil, false
	}
	sum, err = base64.StdEncoding.DecodeString(b)
	return salt, sum, err == nil && len(sum) == sha1.Size
}

// hashName is known_hosts' own use of HMAC-SHA1: it keeps names from being
// read off a stolen file, no more.
func hashName(salt []byte, name string) []byte {
	h := hmac.New(sha1.New, salt)
	io.WriteString(h, strings.ToLower(name))
	return h.Sum(nil)
}

// formatLine is the line that records a key, with its newline.
func formatLine(name string, key ssh.PublicKey, hash bool) string {
	if hash {
		salt := make([]byte, sha1.Size)
		rand.Read(salt)
		enc := base64.StdEncoding.EncodeToString
		name = "|1|" + enc(salt) + "|" + enc(hashName(salt, name))
	}
	return name + " " + string(ssh.MarshalAuthorizedKey(key))
}

// readEntries reads all lines of a file that can be read.
func readEntries(r io.Reader, file string) (all []entry) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if e, ok := parseEntry(lines.Text()); ok {
			e.file, e.line = file, n
			all = append(all, e)
		}
	}
	return all
}

// loadFile reads a file; one that is not there is empty.
func loadFile(name string) []entry {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return readEntries(bytes.NewReader(data), name)
}

// Name spells a host and port as known_hosts does.
func Name(host string, port int) string {
	host = strings.ToLower(host)
	if port == 0 || port == 22 {
		return host
	}
	return "[" + host + "]:" + strconv.Itoa(port)
}

// writable refuses names that would mean something else in a file.
func writable(name string) bool {
	return !strings.ContainsAny(name, ",@?*#|'\"\\ \t\n") && !strings.Contains(name, "[[")
}

// status is what the entries say about one key.
type status int

const (
	fresh   status = iota // no entry
	known                 // the same key
	changed               // other keys
	barred                // revoked
)

// judge looks a key up among entries that are all about one host. The entry
// is the one that decided, nil if none did.
func judge(entries []entry, key ssh.PublicKey) (s status, found *entry) {
	want, blob := plain, key.Marshal()
	cert, isCert := key.(*ssh.Certificate)
	if isCert {
		want, blob = authority, cert.SignatureKey.Marshal()
	}
	for i := range entries {
		e := &entries[i]
		if e.marker != want {
			continue
		}
		if bytes.Equal(e.key.Marshal(), blob) {
			s, found = known, e
			break
		}
		if !isCert {
			s, found = changed, e
		}
	}
	if isRevoked(entries, key) {
		return barred, nil
	}
	return s, found
}

// isRevoked looks for @revoked lines about the key, the key in a certificate,
// or the authority that signed it.
func isRevoked(entries []entry, key ssh.PublicKey) bool {
	blobs := [][]byte{key.Marshal()}
	if cert, ok := key.(*ssh.Certificate); ok {
		blobs = append(blobs, cert.Key.Marshal(), cert.SignatureKey.Marshal())
	}
	return slices.ContainsFunc(entries, func(e entry) bool {
		return e.marker == revoked && slices.ContainsFunc(blobs, func(b []byte) bool { return bytes.Equal(b, e.key.Marshal()) })
	})
}

func isLoopback(addr net.Addr) bool {
	a, ok := addr.(*net.TCPAddr)
	return ok && a.IP.IsLoopback()
}
