package hostkey

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/proxy/pubkey"
)

// runCommand runs KnownHostsCommand: no shell, its tokens are its own words.
func (c *Checker) runCommand(why string, key ssh.PublicKey, name string) ([]byte, error) {
	tokens := config.Tokens{'H': name, 'I': why, 'f': "NONE", 't': "NONE", 'K': "NONE"}
	if key != nil {
		key = pubkey.Plain(key)
		tokens['f'] = pubkey.Fingerprint(key, c.h.FingerprintHash)
		tokens['t'] = key.Type()
		tokens['K'] = base64.StdEncoding.EncodeToString(key.Marshal())
	}
	words, err := splitWords(c.h.KnownHostsCommand)
	if err != nil || len(words) == 0 {
		return nil, fmt.Errorf("KnownHostsCommand \"%s\" contains invalid quotes", c.h.KnownHostsCommand)
	}
	// Split first, expanded afterwards: what a token stands for never makes
	// two words of one.
	for i, w := range words {
		if words[i], err = c.h.Expand("knownhostscommand", w, tokens); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(c.ctx, words[0], words[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		if e, ok := err.(*exec.ExitError); ok && e.Exited() {
			return nil, fmt.Errorf("KnownHostsCommand %s failed, status %d", words[0], e.ExitCode())
		}
		return nil, fmt.Errorf("KnownHostsCommand %s: %v", words[0], err)
	}
	return out, nil
}

// splitWords splits a command line at blanks, with quotes and backslashes as
// ssh has them where no shell reads the line.
func splitWords(s string) (words []string, err error) {
	var word strings.Builder
	var quote byte
	in := false
	for i := 0; i < len(s); i++ {
		ch := s[i]
		switch {
		case ch == '\\' && i+1 < len(s) && strings.IndexByte(`'"\ `, s[i+1]) >= 0:
			i++
			word.WriteByte(s[i])
			in = true
		case quote != 0 && ch == quote:
			quote = 0
		case quote == 0 && (ch == '"' || ch == '\''):
			quote, in = ch, true
		case quote == 0 && (ch == ' ' || ch == '\t'):
			if in {
				words = append(words, word.String())
				word.Reset()
				in = false
			}
		default:
			word.WriteByte(ch)
			in = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("unterminated quote")
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}
