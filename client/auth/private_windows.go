package auth

import "os"

func isOurs(os.FileInfo) bool { return false }
