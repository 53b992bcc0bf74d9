package tty

func extraInput() []flag { return nil }
