package sshconn

import (
	"io"

	"tssh/proxy/channel"
)

// What a peer can make this end keep. The peer has proven who it is, but a tsshd
// may be hostile to its client, and a client with a forced command to the server.
//
//   - Data that nobody reads: 2 MiB a channel are sent unasked, and there may be
//     thousands of channels. What is kept for all of them, and the requests that
//     wait, is bounded by maxKept (see channel.Budget). An honest user would need
//     more than a hundred forwards whose programs sleep.
//   - Openings: maxGreeted of them are read, or wait for the user to take them, at
//     once; the transport keeps the rest, within its limit of streams. There is
//     no deadline: an outage may last for days in the middle of an honest one,
//     and who leaves his own half said keeps nobody else from opening theirs.
//   - Requests: a queue of backlog each, then the peer waits. Refusals are counted
//     and not kept: all are alike.
//   - A length is believed as its bytes come, not before.
//   - Window given to us: maxCredit, which bounds what waits for a silent peer.
const (
	firstWindow = 2 << 20 // known to both ends, as in the package comment
	maxWindow   = 4 << 20 // more than a stream of any mux has under way
	maxCredit   = 64 << 20
	maxKept     = 256 << 20
	maxGreeted  = 512
	maxExtra    = 32 << 10        // of an opening: a path, names, ports
	trustedSize = 4 << 10         // believed at once
	backlog     = channel.Backlog // channels or global requests, too
	moveAfter   = 16 << 10        // bytes of a direction; less would not come sooner
)

// readBytes reads n bytes, for which there is room only as they come. grown is
// told how much that is; nil: nobody asks.
func readBytes(r io.Reader, n int, grown func(int)) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	b := make([]byte, min(n, trustedSize))
	for at := 0; ; {
		m, err := io.ReadFull(r, b[at:])
		if at += m; err != nil {
			return b[:at], whole(err)
		}
		if at == n {
			return b, nil
		}
		if grown != nil {
			grown(min(n, 2*at))
		}
		b = append(b, make([]byte, min(n-at, at))...)
	}
}
