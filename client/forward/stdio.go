package forward

import (
	"errors"
	"io"

	"golang.org/x/crypto/ssh"

	"tssh/client/config"
	"tssh/client/voice"
)

// Stdio is -W: it connects in and out to f's target through the server, until
// the far side closes. A refusal is an *ssh.OpenChannelError; Refused has ssh's
// words for it.
func Stdio(c Client, f config.Forward, in io.Reader, out io.Writer) error {
	ch, reqs, err := c.OpenChannel(direct(f, nil))
	if err != nil {
		return err
	}
	defer ch.Close()
	go ssh.DiscardRequests(reqs)
	go func() {
		io.Copy(ch, in)
		ch.CloseWrite()
	}()
	_, err = io.Copy(out, ch)
	return err
}

// Refused is why a channel was refused, in ssh's words, and false for other errors.
func Refused(err error) (string, bool) {
	var open *ssh.OpenChannelError
	if !errors.As(err, &open) {
		return "", false
	}
	return voice.Refusal(open.Reason) + ": " + open.Message, true
}
