//go:build bundle

package servers

import (
	"embed"
	"io/fs"
)

// The bundle is written by "make bundle" before this is built.
//
//go:embed bundle
var embedded embed.FS

var bundle, _ = fs.Sub(embedded, "bundle")
