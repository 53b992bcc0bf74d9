//go:build !bundle

package servers

import "io/fs"

// bundle is what a release has.
var bundle fs.FS
