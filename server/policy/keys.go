package policy

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"tssh/proxy/terms"
)

// Bounds of a file of keys: what is beyond them is as if it were not there.
const (
	maxKeyFile = 16 << 20
	maxKeyLine = 64 << 10
)

// LimitTo takes from p what the keys that the user logged in by do not permit:
// by their options in authorized_keys, by the extensions of a certificate. An
// error says which limits are not known; p is usable all the same.
//
// Whoever names keys here may lie, and gains nothing by it: it is the user,
// whose process this is.
func (p *Policy) LimitTo(keys []terms.Key, who Login) error {
	all := unlimited()
	var trouble []error
	for _, k := range keys {
		l, err := p.limitsOf(k, who)
		all = all.and(l)
		trouble = append(trouble, err)
	}
	p.limit(all)
	return errors.Join(trouble...)
}

// limitsOf looks where sshd looks, in its order.
func (p *Policy) limitsOf(k terms.Key, who Login) (limits, error) {
	s := search{key: k, who: who}
	for _, name := range p.keyFiles {
		if !strings.EqualFold(name, "none") {
			s.file(name, s.keyLine)
		}
	}
	if k.Cert == nil {
		if s.first == nil {
			s.note(errors.New("the key is in no file of AuthorizedKeysFile"))
		}
		return s.limits(), errors.Join(s.trouble...)
	}
	switch {
	case s.fitting != nil:
	case p.principalsFile != "":
		s.file(p.principalsFile, s.principalLine)
	case p.trustsCAs && !p.principalsCommand: // then all of them stand in the certificate
		l := unlimited()
		s.fitting = &l
	}
	if s.first == nil && s.fitting == nil {
		s.note(errors.New("the certificate's authority is in no file"))
	}
	return s.limits().and(ofCert(k.Cert)), errors.Join(s.trouble...)
}

// search looks for the line that let a key in.
type search struct {
	key     terms.Key
	who     Login
	fitting *limits // of the first line that fits: sshd's choice
	first   *limits // of the first that names the key
	trouble []error
}

// limits are those of the line. When none seems to fit, as with a name in from=
// that only sshd looked up, one that names the key must have done all the same.
func (s *search) limits() limits {
	switch {
	case s.fitting != nil:
		return *s.fitting
	case s.first != nil:
		return *s.first
	}
	return unlimited()
}

func (s *search) note(err error) {
	s.trouble = append(s.trouble, fmt.Errorf("limits of the key: %w", err))
}

// file judges the lines of a file until one fits. A file that isn't there is
// as an empty one.
func (s *search) file(name string, judge func(line []byte) (l limits, ok bool, trouble error)) {
	if s.fitting != nil {
		return
	}
	name = s.who.expand(name)
	f, err := openRegular(name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		s.note(err)
		return
	}
	defer f.Close()
	lines := bufio.NewReaderSize(io.LimitReader(f, maxKeyFile), maxKeyLine)
	for n := 1; s.fitting == nil; n++ {
		text, more, err := lines.ReadLine()
		if err != nil {
			return
		}
		for ; more && err == nil; text = nil { // skip it to its end
			_, more, err = lines.ReadLine()
		}
		l, ok, err := judge(bytes.TrimSpace(text))
		if !ok {
			continue
		}
		if err != nil {
			s.note(fmt.Errorf("%s line %d: %w", name, n, err))
		}
		if s.first == nil {
			s.first = &l
		}
		if err == nil && l.fits(s.who, s.key, time.Now()) {
			s.fitting = &l
		}
	}
}

// openRegular does not wait for a writer, as opening a pipe would.
func openRegular(name string) (*os.File, error) {
	if info, err := os.Stat(name); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return os.Open(name)
}

// keyLine judges a line of authorized_keys: options, type, key, comment.
func (s *search) keyLine(line []byte) (l limits, ok bool, trouble error) {
	if len(line) == 0 || line[0] == '#' {
		return l, false, nil
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil || sha256.Sum256(key.Marshal()) != s.key.Fingerprint {
		return l, false, nil
	}
	l, trouble = parseOptions(options)
	return l, l.authority == (s.key.Cert != nil), trouble
}

// principalLine judges a line of AuthorizedPrincipalsFile: options, principal.
func (s *search) principalLine(line []byte) (l limits, ok bool, trouble error) {
	line, _, _ = bytes.Cut(line, []byte("#"))
	text := strings.TrimSpace(string(line))
	at := strings.LastIndexAny(text, " \t") + 1
	if text == "" || !s.key.Cert.Names(text[at:]) {
		return l, false, nil
	}
	l, trouble = parseOptions(splitOptions(strings.TrimSpace(text[:at])))
	return l, true, trouble
}

// splitOptions splits at the commas that stand in no quotes.
func splitOptions(s string) (options []string) {
	quoted, start := false, 0
	for i := range len(s) {
		switch {
		case s[i] == '"' && (i == 0 || s[i-1] != '\\'):
			quoted = !quoted
		case s[i] == ',' && !quoted:
			options = append(options, s[start:i])
			start = i + 1
		}
	}
	if start < len(s) {
		options = append(options, s[start:])
	}
	return options
}

// expand fills in the tokens of a file's name, which is relative to the home directory.
func (who Login) expand(name string) string {
	name = strings.NewReplacer("%%", "%", "%h", who.Home, "%u", who.User, "%U", strconv.Itoa(who.UID)).Replace(name)
	if runtime.GOOS == "windows" {
		if rest, ok := strings.CutPrefix(name, "__PROGRAMDATA__"); ok { // OpenSSH's word there
			name = os.Getenv("ProgramData") + rest
		}
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(who.Home, name)
	}
	return name
}
