package auth

import (
	"encoding/binary"
	"io"
	"net"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// TestAgentThatAnswersNonsense: the agent may be one that another host lent us.
func TestAgentThatAnswersNonsense(t *testing.T) {
	key := &agent.Key{Format: "ssh-ed25519", Blob: ssh.Marshal(struct{ A, B string }{"ssh-ed25519", string(make([]byte, 32))})}
	public, err := ssh.ParsePublicKey(key.Blob)
	if err != nil {
		t.Fatal(err)
	}
	for kind := range 256 {
		for _, rest := range []string{"", "\x00", "\x00\x00\x00\x01", "\xff\xff\xff\xff", "\x00\x00\x00\x05abc", "\x00\x00\x00\x04\x00\x00\x00\x00"} {
			near, far := net.Pipe()
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer far.Close()
				for {
					var head [4]byte
					if _, err := io.ReadFull(far, head[:]); err != nil {
						return
					}
					if _, err := io.CopyN(io.Discard, far, int64(binary.BigEndian.Uint32(head[:]))); err != nil {
						return
					}
					answer := append([]byte{byte(kind)}, rest...)
					far.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...))
				}
			}()
			a := &agentConn{agent.NewClient(near), near}
			a.list(&authentication{})
			if sig, err := a.sign(public, []byte("x"), ssh.KeyAlgoED25519); err == nil {
				t.Errorf("answer %d %q is the signature %v", kind, rest, sig)
			}
			Bind(a, []byte("k"), []byte("s"), []byte("g"), true)
			near.Close()
			<-done
		}
	}
}
