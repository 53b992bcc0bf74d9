package pty

// HeedSignals does nothing here.
func HeedSignals() {}
