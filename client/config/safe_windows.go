package config

import "os"

// safe says nothing on Windows: a profile is its user's by its access list.
func safe(os.FileInfo, bool) bool { return true }
