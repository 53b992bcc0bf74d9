package sftp

// umask does nothing: Windows has none.
func umask(int) {}
