package terms

import (
	"encoding/base64"
	"fmt"
)

// MaxHello bounds a hello, in bytes: three or four datagrams.
const MaxHello = 4000

// HelloVariable is where the client's hello stands in tsshd's environment, as
// HelloWord writes it.
const HelloVariable = "TSSHD_HELLO"

// HelloWord writes a hello as a word that no shell changes.
func HelloWord(hello []byte) string { return base64.RawURLEncoding.EncodeToString(hello) }

// ParseHello reads what HelloWord wrote.
func ParseHello(word string) ([]byte, error) {
	hello, err := base64.RawURLEncoding.Strict().DecodeString(word)
	if err == nil && len(hello) > MaxHello {
		err = fmt.Errorf("%d bytes, at most %d are accepted", len(hello), MaxHello)
	}
	if err != nil {
		return nil, fmt.Errorf("parse hello: %w", err)
	}
	return hello, nil
}
