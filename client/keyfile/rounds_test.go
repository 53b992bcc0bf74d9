package keyfile

import (
	"errors"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestFileCannotAskForYearsOfWork: the number of rounds is the file's word.
func TestFileCannotAskForYearsOfWork(t *testing.T) {
	options := ssh.Marshal(struct {
		Salt   string
		Rounds uint32
	}{"salt", 1<<32 - 1})
	f := File{cipher: "aes256-ctr", kdf: "bcrypt", options: options, private: make([]byte, 64)}
	if _, err := f.decrypt([]byte("x")); !errors.Is(err, errFormat) {
		t.Errorf("got %v", err)
	}
}
