// Package owner says whose a file is.
package owner

import "os"

// Only says nothing on Windows: a profile is its user's by its access list.
func Only(os.FileInfo, bool) bool { return true }
