package pubkey

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// TypeName is the short name of a key's type in messages: "ED25519".
func TypeName(key ssh.PublicKey) string {
	base, cert := strings.CutSuffix(key.Type(), "-cert-v01@openssh.com")
	name := strings.ToUpper(base)
	switch {
	case base == "ssh-rsa":
		name = "RSA"
	case base == "ssh-dss":
		name = "DSA"
	case base == "ssh-ed25519":
		name = "ED25519"
	case strings.HasPrefix(base, "ecdsa-"):
		name = "ECDSA"
	case strings.HasPrefix(base, "sk-ssh-ed25519"):
		name = "ED25519-SK"
	case strings.HasPrefix(base, "sk-ecdsa"):
		name = "ECDSA-SK"
	}
	if cert {
		name += "-CERT"
	}
	return name
}

// Fingerprint is what FingerprintHash ("MD5", or else SHA-256) makes of a key;
// of a certificate, the key in it.
func Fingerprint(key ssh.PublicKey, hash string) string {
	_, text := digest(Plain(key), hash)
	return text
}

func digest(key ssh.PublicKey, hash string) (sum []byte, text string) {
	if strings.EqualFold(hash, "MD5") {
		s := md5.Sum(key.Marshal())
		pairs := make([]string, len(s))
		for i, b := range s {
			pairs[i] = hex.EncodeToString([]byte{b})
		}
		return s[:], "MD5:" + strings.Join(pairs, ":")
	}
	s := sha256.Sum256(key.Marshal())
	return s[:], "SHA256:" + base64.RawStdEncoding.EncodeToString(s[:])
}

// Randomart draws a key's fingerprint: a bishop walks the board by two bits a
// step, and each square shows how often it was visited.
func Randomart(key ssh.PublicKey, hash string) string {
	const columns, rows, symbols = 17, 9, " .o+=*BOX@%&#/^SE"
	key = Plain(key)
	sum, _ := digest(key, hash)
	var board [columns][rows]int
	x, y := columns/2, rows/2
	for _, b := range sum {
		for range 4 {
			x = min(max(x+2*int(b&1)-1, 0), columns-1)
			y = min(max(y+int(b&2)-1, 0), rows-1)
			board[x][y] = min(board[x][y]+1, len(symbols)-3)
			b >>= 2
		}
	}
	board[columns/2][rows/2] = len(symbols) - 2
	board[x][y] = len(symbols) - 1

	var s strings.Builder
	border := func(title string) {
		if len(title) > columns {
			title = title[:columns]
		}
		left := (columns - len(title)) / 2
		s.WriteString("+" + strings.Repeat("-", left) + title + strings.Repeat("-", columns-left-len(title)) + "+")
	}
	title := fmt.Sprintf("[%s %d]", TypeName(key), Bits(key))
	if len(title) > columns {
		title = fmt.Sprintf("[%s]", TypeName(key))
	}
	border(title)
	for r := range rows {
		s.WriteString("\n|")
		for c := range columns {
			s.WriteByte(symbols[board[c][r]])
		}
		s.WriteString("|")
	}
	s.WriteString("\n")
	if strings.EqualFold(hash, "MD5") {
		border("[MD5]")
	} else {
		border("[SHA256]")
	}
	return s.String()
}

// Bits is the size of a key as ssh-keygen tells it.
func Bits(key ssh.PublicKey) int {
	switch Plain(key).Type() {
	case "ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "sk-ecdsa-sha2-nistp256@openssh.com":
		return 256
	case "ecdsa-sha2-nistp384":
		return 384
	case "ecdsa-sha2-nistp521":
		return 521
	}
	return RSABits(key)
}
