package arq

import (
	_ "unsafe" // for the linker's name below

	"github.com/xtaci/kcp-go/v5"
)

// flush sends now all that KCP may send. No exported method of KCP's does so:
//
//   - Update flushes once in 10 ms at most, on a grid of its own, which can't be
//     moved: NoDelay takes no shorter interval, and only a clock that is ten
//     seconds off sets the grid anew. A key goes out at once after a pause, but
//     the answer to what has just come waits for the next tick: a byte there and
//     back took 12.6 ms on loopback, and takes 0.05 ms by flush.
//   - Input flushes all only for an acknowledgement of something new. Without
//     one to hand it sends acknowledgements alone; one made up would lose what
//     the peer does not have.
//   - kcp-go's sessions flush with each Write, but own the socket and its timers
//     (see the package's comment), and one scheduler for the whole process,
//     which tests in fake time can't have.
//
// The linker fails if the method should ever be gone.
//
//go:linkname flush github.com/xtaci/kcp-go/v5.(*KCP).flush
func flush(*kcp.KCP, kcp.FlushType) uint32
