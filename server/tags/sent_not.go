//go:build !tsshd

package tags

// Sent says that this program is a copy that is sent to servers.
const Sent = false
