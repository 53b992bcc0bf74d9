package voice

import "golang.org/x/crypto/ssh"

// Refusal is how ssh spells why a channel was refused.
func Refusal(code ssh.RejectionReason) string {
	switch code {
	case ssh.Prohibited:
		return "administratively prohibited"
	case ssh.ConnectionFailed:
		return "connect failed"
	case ssh.UnknownChannelType:
		return "unknown channel type"
	case ssh.ResourceShortage:
		return "resource shortage"
	}
	return "unknown reason"
}
