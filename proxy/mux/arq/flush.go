package arq

import (
	_ "unsafe" // for the linker's name below

	"github.com/xtaci/kcp-go/v5"
)

// flush sends now all that KCP may send. Its Update does so once in 10 ms at
// most, on its own grid, and what else sends at once is only for kcp-go's own
// sessions: a key would wait for the clock on its way there, and its echo on
// the way back. The linker fails if the method should ever be gone.
//
//go:linkname flush github.com/xtaci/kcp-go/v5.(*KCP).flush
func flush(*kcp.KCP, kcp.FlushType) uint32
